import assert from 'node:assert/strict';
import { detectEngines } from '../../../../src/app/launching/engineDetection';
import { fail } from '../../../../src/shared/failure';
import { fakeContext, printed, type FakeContext } from '../../../support/fakePorts';

describe('detectEngines', () => {
  const enginesOf = async (context: FakeContext) => {
    await detectEngines(context);
    return context.store.state().engines;
  };

  it('reads the version of vLLM from its files, through the link of uv, without running it', async () => {
    const context = fakeContext();
    const venv = '/home/user/.local/share/uv/tools/vllm';
    context.files.put(`${venv}/bin/vllm`, `#!${venv}/bin/python\nimport sys\n`);
    context.files.link('/home/user/.local/bin/vllm', `${venv}/bin/vllm`);
    const metadata =
      'Metadata-Version: 2.4\nName: vllm\nVersion: 0.19.1\n\nVersion: 9 in the text\n';
    const packages = `${venv}/lib/python3.12/site-packages`;
    context.files.put(`${packages}/vllm-0.19.1.dist-info/METADATA`, metadata);
    context.files.put(`${packages}/vllm_extra-3.0.dist-info/METADATA`, 'Version: 3.0\n\n');
    context.exec.onPath.set('vllm', '/home/user/.local/bin/vllm');
    const { vllm, ollama } = await enginesOf(context);
    assert.deepEqual(vllm, { found: true, file: '/home/user/.local/bin/vllm', version: '0.19.1' });
    assert.deepEqual(ollama, { found: false, file: null, version: null });
    assert.deepEqual(context.exec.calls, []);
  });

  it('asks the interpreter where the files do not tell', async () => {
    const context = fakeContext();
    context.files.put('/v/bin/vllm', '#!/opt/py/bin/python3\n');
    context.exec.onPath.set('vllm', '/v/bin/vllm');
    context.exec.scripts.set('/opt/py/bin/python3', () => printed('0.11.0\n'));
    assert.equal((await enginesOf(context)).vllm.version, '0.11.0');
    context.exec.scripts.set('/opt/py/bin/python3', () => printed('Traceback …', 1));
    const { vllm } = await enginesOf(context);
    assert.deepEqual(vllm, { found: true, file: '/v/bin/vllm', version: null });
  });

  it('takes the configured program only where it is a file', async () => {
    const context = fakeContext();
    context.files.put('/v/bin/vllm', 'binary');
    context.settingsNow = { ...context.settingsNow, 'vllm.executablePath': '/v/bin/vllm' };
    assert.deepEqual((await enginesOf(context)).vllm, {
      found: true,
      file: '/v/bin/vllm',
      version: null,
    });
    for (const path of ['/v/bin', '/none']) {
      context.settingsNow = { ...context.settingsNow, 'vllm.executablePath': path };
      assert.equal((await enginesOf(context)).vllm.found, false, path);
    }
  });

  it('asks Ollama away from any daemon; one that hangs is found without a version', async () => {
    const context = fakeContext();
    context.exec.onPath.set('ollama', '/usr/local/bin/ollama');
    const text =
      'Warning: could not connect to a running Ollama instance\nWarning: client version is 0.32.15\n';
    context.exec.scripts.set('/usr/local/bin/ollama', () => printed(text));
    assert.equal((await enginesOf(context)).ollama.version, '0.32.15');
    assert.equal(context.exec.calls[0]?.env?.OLLAMA_HOST, '127.0.0.1:1');
    context.exec.scripts.set('/usr/local/bin/ollama', () => fail('timedOut', 'silent'));
    const { ollama } = await enginesOf(context);
    assert.deepEqual(ollama, { found: true, file: '/usr/local/bin/ollama', version: null });
  });
});
