/** Turns, adoption and Start All in a real VS Code; vLLM and GPU are stand-ins. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Server } from '../../../src/app/state';
import type { StartAllOutcome } from '../../../src/app/launching/startAll';
import type { VramPilotApi } from '../../../src/vscode/api';
import { isAlive } from '../../support/processes.mjs';
import { eventually } from '../eventually';
import { apiWithVllm } from '../extensionApi';
import { removeServers } from '../removeServers';
import { letGo, makeModel } from '../standInModel';
import { openNet } from '../../../src/system/net';

const FOLDER = process.env.TEST_FOLDER ?? '';
const PROFILES = path.join(
  vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '',
  '.vscode/vram-pilot.profiles.json',
);
/** Small enough that several stand-ins fit the card beside each other. */
const OPTIONS = { maxModelLen: 4096, gpuMemoryUtilization: 0.25 };

describe('turns, adoption and start all', () => {
  let api: VramPilotApi;
  const started: ChildProcess[] = [];
  const find = (id: string) => api.getState().servers.find((one) => one.id === id);
  const server = (id: string): Server => {
    const found = find(id);
    assert.ok(found, 'the server is in the list');
    return found;
  };
  const deploy = async (name: string): Promise<string> => {
    const result = await api.deploy({ model: makeModel(name), options: OPTIONS });
    assert.ok(result.ok, JSON.stringify(result));
    return result.id;
  };
  const isReady = (id: string) => eventually(() => server(id).phase === 'ready', 'ready');

  before(async () => {
    api = await apiWithVllm();
    await removeServers(api);
  });

  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGINT');
    fs.rmSync(PROFILES, { force: true });
    await removeServers(api);
    await vscode.commands.executeCommand('vramPilot.refresh');
  });

  it('lets the second launch wait for the first, and starts it then', async () => {
    const first = await deploy('tiny-held');
    const second = await deploy('tiny-second');
    assert.deepEqual(server(second).queued?.waitsFor, [server(first).title]);
    assert.equal(server(second).record, null);
    letGo('tiny-held');
    await isReady(first);
    await eventually(() => server(second).queued === null, 'its turn');
    await isReady(second);
    assert.notEqual(server(first).port, server(second).port);
  });

  it('cancels one that waits, and it never starts', async () => {
    const first = await deploy('held');
    const second = await deploy('tiny');
    assert.ok(server(second).queued);
    await vscode.commands.executeCommand('vramPilot.cancelQueued', second);
    assert.equal(find(second), undefined);
    await eventually(() => server(first).record !== null, 'the first’s process');
    assert.ok((await api.stop(first)).ok);
    await new Promise((next) => setTimeout(next, 2_000));
    assert.equal(find(second), undefined);
  });

  it('adopts a server that was started apart, and stops it only as what it is', async () => {
    const port = await openNet().freePort();
    const child = spawn(
      path.join(FOLDER, 'bin/vllm'),
      ['serve', makeModel('tiny-apart'), '--port', String(port), '--served-model-name', 'apart'],
      { stdio: 'ignore', detached: true },
    );
    started.push(child);
    const pid = child.pid!;
    await eventually(
      () =>
        fetch(`http://127.0.0.1:${String(port)}/health`).then(
          (answer) => answer.ok,
          () => false,
        ),
      'the stand-in',
    );
    const id = await vscode.commands.executeCommand<string>('vramPilot.adoptServer', { pid });
    assert.equal(server(id).origin, 'adopted');
    assert.equal(server(id).phase, 'ready');
    assert.equal(server(id).servedModelName, 'apart');
    assert.equal(server(id).record?.main.pid, pid);
    // taken off the list it runs on
    await vscode.commands.executeCommand('vramPilot.removeServer', id);
    assert.equal(find(id), undefined);
    assert.equal(isAlive(pid), true);
    const again = await vscode.commands.executeCommand<string>('vramPilot.adoptServer', { pid });
    assert.ok(again, JSON.stringify(api.getState().servers));
    const stopped = await api.stop(again);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server(again).endReason, 'stopped');
    await eventually(() => !isAlive(pid), 'the process gone');
  });

  it('does not adopt a program that only answers', async () => {
    const children = api.getState().servers.length;
    const id = await vscode.commands.executeCommand<string | null>('vramPilot.adoptServer', {
      pid: process.pid,
    });
    assert.equal(id ?? null, null);
    assert.equal(api.getState().servers.length, children);
  });

  it('starts all saved servers in their order, and stops at the first that fails', async () => {
    const profile = (name: string, model: string) => ({
      name,
      engine: 'vllm',
      model: makeModel(model),
      options: OPTIONS,
      extraArguments: [],
    });
    const profiles = [
      profile('one', 'tiny-one'),
      profile('two', 'fails-kv-two'),
      profile('three', 'tiny-three'),
    ];
    fs.mkdirSync(path.dirname(PROFILES), { recursive: true });
    fs.writeFileSync(PROFILES, JSON.stringify({ version: 1, profiles }));
    await vscode.commands.executeCommand('vramPilot.refresh');
    const startAll = (names: string[]) =>
      vscode.commands.executeCommand<StartAllOutcome>('vramPilot.startAll', { profiles: names });
    const outcome = await startAll(['one', 'two', 'three']);
    assert.deepEqual(outcome.ready, ['one']);
    assert.equal(outcome.failed?.name, 'two');
    assert.deepEqual(outcome.notStarted, ['three']);
    // what runs already is not started again
    const next = await startAll(['one', 'three']);
    assert.deepEqual(next.ready, ['one', 'three']);
    const models = api.getState().servers.map(({ wish }) => path.basename(wish.model));
    assert.deepEqual(models, ['tiny-one', 'fails-kv-two', 'tiny-three']);
  });
});
