/** Without a folder VS Code runs tasks only in the user's home; everything else must be as in a folder. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import * as vscode from 'vscode';
import { isAlive } from '../../support/processes.mjs';
import { eventually } from '../eventually';
import { apiWithVllm } from '../extensionApi';
import { makeModel } from '../standInModel';

describe('main job in an empty window', () => {
  it('starts in the home folder, gets ready, stops', async () => {
    assert.equal(vscode.workspace.workspaceFolders, undefined);
    const api = await apiWithVllm();
    const result = await api.deploy({ model: makeModel('tiny'), options: { maxModelLen: 4096 } });
    assert.ok(result.ok, JSON.stringify(result));
    const server = () => api.getState().servers.find(({ id }) => id === result.id)!;
    await eventually(() => server().phase === 'ready', 'ready');
    const { pid } = server().record!.main;
    assert.equal(fs.readlinkSync(`/proc/${pid}/cwd`), fs.realpathSync(os.homedir()));
    assert.ok((await api.stop(result.id)).ok);
    assert.equal(server().endReason, 'stopped');
    assert.equal(isAlive(pid), false);
  });
});
