import assert from 'node:assert/strict';
import { commandToCopy } from '../../../../src/engines/vllm/commandToCopy';
import {
  isOpenToNetwork,
  keyInArguments,
  reachableHost,
} from '../../../../src/engines/vllm/listening';

describe('where a vLLM listens', () => {
  const rows: readonly (readonly [args: string[], isOpen: boolean, reached: string])[] = [
    [[], false, '127.0.0.1'],
    [['--host', '127.0.0.1'], false, '127.0.0.1'],
    [['--host', '127.1.2.3'], false, '127.1.2.3'],
    [['--host=localhost'], false, 'localhost'],
    [['--host', '::1'], false, '[::1]'],
    [['--host', '0.0.0.0'], true, '127.0.0.1'],
    [['--host', '::'], true, '127.0.0.1'],
    [['--host', ''], true, '127.0.0.1'],
    [['--host', '192.168.1.5'], true, '192.168.1.5'],
    [['--host', 'fe80::1'], true, '[fe80::1]'],
    [['--host', 'box.local'], true, 'box.local'],
    [['--host', '127.0.0.1.evil.example'], true, '127.0.0.1.evil.example'],
    [['--host', '127.0.0.1', '--host', '0.0.0.0'], true, '127.0.0.1'],
  ];
  for (const [args, isOpen, reached] of rows)
    it(`${args.join(' ') || 'nothing said'}: ${isOpen ? 'open' : 'this machine only'}, reached at ${reached}`, () => {
      assert.equal(isOpenToNetwork(args), isOpen);
      assert.equal(reachableHost(args), reached);
    });

  it('knows the key among the arguments', () => {
    assert.equal(keyInArguments(['--api-key', 'a', 'b']), 'a');
    assert.equal(keyInArguments(['--api_key=a']), 'a');
    assert.equal(keyInArguments(['--port', '8000']), null);
  });
});

describe('a command to copy', () => {
  const copied = (args: string[], env: Record<string, string> = {}) =>
    commandToCopy({ file: 'vllm', args: ['serve', 'org/m', ...args], env });
  const FROM_SHELL = 'VLLM_API_KEY="${VLLM_API_KEY:?}" ';

  it('is as it is where no key is asked for', () => {
    assert.equal(copied(['--port', '8000'], { A: 'b c' }), "A='b c' vllm serve org/m --port 8000");
  });

  it('leaves the key to the shell, whoever gave it, and where one would be made', () => {
    const open = ['--host', '0.0.0.0'];
    assert.equal(copied(open), `${FROM_SHELL}vllm serve org/m --host 0.0.0.0`);
    const words = `${FROM_SHELL}vllm serve org/m --port 8000`;
    assert.equal(copied(['--port', '8000'], { VLLM_API_KEY: 'secret' }), words);
    assert.equal(copied(['--api-key', 'secret', 'other', '--port', '8000']), words);
    assert.equal(copied(['--api_key=secret', '--port', '8000']), words);
  });

  it('leaves every secret of the environment to it', () => {
    const env = { HF_TOKEN: 'hf_1', TOKENIZERS_PARALLELISM: 'false' };
    assert.equal(
      copied([], env),
      'HF_TOKEN="${HF_TOKEN:?}" TOKENIZERS_PARALLELISM=false vllm serve org/m',
    );
  });
});
