/** What a ready server is for: tried with curl, put under a short load, closed to others. vLLM and Ollama are stand-ins. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import type { Server } from '../../../src/app/state';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { makeModel } from '../standInModel';
import { setting } from '../setting';
import { openNet } from '../../../src/system/net';

const { extensionPath } = vscode.extensions.getExtension('vram-pilot.vram-pilot')!;
const OLLAMA = path.join(extensionPath, 'test/support/fakeOllama.mjs');

/** Runs the command for the server; what it copied. */
async function copied(command: string, id: string): Promise<string> {
  await vscode.env.clipboard.writeText('');
  // one that offers a button waits for it
  void vscode.commands.executeCommand(`vramPilot.${command}`, id);
  await eventually(async () => (await vscode.env.clipboard.readText()) !== '', 'something copied');
  return vscode.env.clipboard.readText();
}

/** What a shell makes of a copied command, as people paste it. */
async function pasted(command: string, env: Record<string, string> = {}): Promise<unknown> {
  const shell = promisify(execFile);
  const { stdout } = await shell('sh', ['-c', `${command} --silent`], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as unknown;
}

describe('use of a ready server with stand-ins', () => {
  let api: VramPilotApi;
  const server = (id: string): Server => {
    const found = api.getState().servers.find((one) => one.id === id);
    assert.ok(found, 'the server is in the state');
    return found;
  };
  const ready = async (wish: object, force = false): Promise<string> => {
    const result = await api.deploy(wish, { force });
    assert.ok(result.ok, JSON.stringify(result));
    await eventually(() => server(result.id).phase === 'ready', 'ready');
    return result.id;
  };
  const tiny = (name = 'tiny') => ({ model: makeModel(name), options: { maxModelLen: 8192 } });

  before(async () => {
    api = await readyApi();
    await removeServers(api);
  });

  afterEach(() => removeServers(api));

  it('copies a curl command that a shell runs', async () => {
    const id = await ready(tiny());
    assert.match(await copied('copyEndpoint', id), /^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const answer = (await pasted(await copied('copyCurl', id))) as {
      choices: { message: { content: string } }[];
    };
    assert.equal(answer.choices[0]?.message.content, 'hello from the stand-in');
  });

  it('puts it under a short load, and shows what came of it in a document that nobody can change', async () => {
    const id = await ready(tiny());
    // the last lines of a start arrive beside its first answer over HTTP
    await eventually(() => server(id).facts?.maxConcurrency === 4, 'the facts of its start');
    await vscode.commands.executeCommand('vramPilot.runTestLoad', id);
    const document = vscode.window.activeTextEditor?.document;
    assert.equal(document?.uri.scheme, 'vram-pilot-report');
    assert.equal(document.isDirty, false);
    const text = document.getText();
    // the second step goes on for seconds, so how many it asks depends on the machine
    const [, atOnce] = /\| Requests answered +\| 10 of 10 +\| (\d+) of \1 +\|/.exec(text) ?? [];
    assert.ok(Number(atOnce) >= 8, text);
    assert.match(text, /\| +\| one after another +\| 4 at once +\|/);
    assert.match(text, /KV cache in use at most: \d+ % of 32,768 tokens/);
    const [, percent] = /at most: (\d+) %/.exec(text) ?? [];
    assert.ok(Number(percent) >= 60, `${percent ?? ''} % of the pool was filled`);
    assert.equal(server(id).phase, 'ready');
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('a stop in the middle of a load ends the load first', async () => {
    const id = await ready(tiny());
    const load = vscode.commands.executeCommand('vramPilot.runTestLoad', id);
    const metrics = `http://127.0.0.1:${String(server(id).port)}/metrics`;
    await eventually(
      async () => /num_requests_running\S* [1-9]/.test(await (await fetch(metrics)).text()),
      'a request of the load',
    );
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    await load;
    assert.equal(server(id).endReason, 'stopped');
  });

  it('opens itself to others only with a key, which stands in no copied command', async () => {
    const open = { ...tiny(), extraArguments: ['--host', '0.0.0.0'] };
    const refused = await api.deploy(open);
    assert.ok(!refused.ok);
    assert.deepEqual(
      refused.problems.map(({ id }) => id),
      ['open_to_network'],
    );
    const id = await ready(open, true);
    const chat = `http://127.0.0.1:${String(server(id).port)}/v1/models`;
    assert.equal((await fetch(chat)).status, 401);
    const key = await copied('copyApiKey', id);
    assert.match(key, /^sk-[0-9a-f-]{72}$/);
    const authorization = `Bearer ${key}`;
    assert.equal((await fetch(chat, { headers: { authorization } })).status, 200);
    const curl = await copied('copyCurl', id);
    const launch = await copied('copyLaunchCommand', id);
    assert.ok(![curl, launch, JSON.stringify(api.getState())].join().includes(key));
    assert.match(launch, /^VLLM_API_KEY="\$\{VLLM_API_KEY:\?\}" /);
    const answer = (await pasted(curl, { VLLM_API_KEY: key })) as { choices: unknown[] };
    assert.equal(answer.choices.length, 1);
    await vscode.commands.executeCommand('vramPilot.runTestLoad', id);
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    assert.match(text, /10 of 10/, 'with the key');
    assert.ok(!text.includes(key));
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('asks Ollama with the context of the launch, so that the model stays loaded', async () => {
    const base = `http://127.0.0.1:${String(await openNet().freePort())}`;
    await setting('ollama.executablePath', OLLAMA);
    await setting('ollama.host', base);
    await eventually(() => api.getState().engines.ollama.file === OLLAMA, 'the program found');
    try {
      const id = await ready({ engine: 'ollama', model: 'tiny', options: { numCtx: 2048 } });
      const answer = (await pasted(await copied('copyCurl', id))) as {
        message: { content: string };
      };
      assert.equal(answer.message.content, 'hello from the stand-in');
      const listed = (await (await fetch(`${base}/api/ps`)).json()) as {
        models: { context_length: number }[];
      };
      assert.deepEqual(
        listed.models.map((model) => model.context_length),
        [2048],
      );
    } finally {
      await removeServers(api);
      await setting('ollama.host', undefined);
      await setting('ollama.executablePath', undefined);
    }
  });
});
