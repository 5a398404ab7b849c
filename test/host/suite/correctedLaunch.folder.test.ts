/** A start fails for lack of KV cache, its corrected launch comes up and is stopped: all real but the GPU and vLLM. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import type { Server } from '../../../src/app/state';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { makeModel } from '../standInModel';

describe('a corrected launch with a stand-in vLLM', () => {
  let api: VramPilotApi;
  const servers = () => api.getState().servers;
  const server = (id: string): Server => {
    const found = servers().find((one) => one.id === id);
    assert.ok(found, 'the server is in the state');
    return found;
  };

  async function fail(name: string): Promise<string> {
    const result = await api.deploy({ model: makeModel(name), options: { maxModelLen: 8192 } });
    assert.ok(result.ok, JSON.stringify(result));
    await eventually(() => server(result.id).failure !== null, 'what can be done about it');
    return result.id;
  }

  before(async () => {
    api = await readyApi();
  });

  afterEach(() => removeServers(api));
  after(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('takes the place of the failed one, gets ready and stops', async () => {
    const failed = await fail('corrected-small-kv');
    const { failure } = server(failed);
    assert.deepEqual(failure?.correction?.diff, ['--max-model-len 8192 → 4096']);
    assert.match(failure.correction.why, /4096/);
    assert.equal(failure.isOwn, true);

    const started = await vscode.commands.executeCommand<string | null>(
      'vramPilot.startCorrected',
      { serverId: failed, shown: true },
    );
    assert.ok(started, 'it was started');
    assert.deepEqual(
      servers().map(({ id }) => id),
      [started],
    );
    await eventually(() => server(started).phase === 'ready', 'ready');
    assert.equal(server(started).wish.options.maxModelLen, 4096);
    const stopped = await api.stop(started);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server(started).endReason, 'stopped');
    assert.equal(server(started).failure, null);
  });

  it('is explained with evidence that leads into the output, which stays after the end', async () => {
    const id = await fail('explained-fails-kv');
    await vscode.commands.executeCommand('vramPilot.explainLastFailure', id);
    const explanation = vscode.window.activeTextEditor?.document;
    assert.equal(explanation?.uri.scheme, 'vram-pilot-output');
    assert.match(explanation.getText(), /```diff\n! --max-model-len 8192 → 4096\n```/);
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      explanation.uri,
    );
    const target = links.find(({ target: uri }) => uri?.path.endsWith('/output.log'))?.target;
    assert.match(target?.fragment ?? '', /^L\d+$/);

    const [evidence] = server(id).diagnosis?.cause?.evidence ?? [];
    await vscode.commands.executeCommand('vramPilot.showServerOutput', {
      server: { id },
      line: evidence?.line,
    });
    const editor = vscode.window.activeTextEditor;
    assert.match(editor?.document.uri.path ?? '', /\/output\.log$/);
    const line = editor?.document.lineAt(editor.selection.active.line).text ?? '';
    assert.match(line, /max seq len \(8192\)/);
  });

  it('is no longer offered after three failures in a row', async () => {
    for (const count of [1, 2]) {
      const id = await fail('loops-fails-kv');
      assert.ok(server(id).failure?.correction, `after ${String(count)}`);
    }
    const { failure } = server(await fail('loops-fails-kv'));
    assert.equal(failure?.correction, null);
    assert.match(failure.reason ?? '', /^3 starts of this model failed here in a row/);
  });

  it('leaves nothing private in the exported diagnostics', async () => {
    await fail('exported-fails-kv');
    await vscode.commands.executeCommand('vramPilot.exportDiagnostics');
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    const { servers: listed, samples } = JSON.parse(text) as {
      servers: { output: { lines: string[] } | null }[];
      samples: unknown[];
    };
    assert.ok(samples.length > 0, 'samples');
    assert.ok(listed[0]?.output?.lines.some((line) => line.includes('max seq len')));
    const home = process.env.HOME ?? '';
    if (home.length > 1) assert.ok(!text.includes(home));
  });
});
