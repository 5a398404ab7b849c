/** In an untrusted folder the GPU is watched and plans are made, but nothing starts. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually } from '../eventually';
import { extensionApi } from '../extensionApi';
import { makeModel } from '../standInModel';

describe('main job in an untrusted folder', () => {
  it('samples and plans, and refuses to start with the reason', async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    const api = await extensionApi();
    await eventually(() => api.getState().gpu.status === 'ok', 'a sample');
    const answer = await api.plan({
      engine: 'vllm',
      model: { name: 'Qwen/Qwen3-4B' },
      gpus: [{ totalBytes: 24e9 }],
    });
    assert.notEqual(answer.verdict, 'unknown');
    const result = await api.deploy({ model: makeModel('tiny') }, { force: true });
    assert.ok(!result.ok);
    assert.equal(result.failure.reason, 'notTrusted');
    const [server] = api.getState().servers;
    assert.equal(server?.phase, 'ended');
    assert.equal(server.record, null);
  });
});
