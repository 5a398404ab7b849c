/** The main job on a real vLLM (on the CPU) in the real VS Code. The GPU is a stand-in that charges real processes. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { serverFacts } from '../../../src/app/servers/serverText';
import type { VramPilotApi } from '../../../src/vscode/api';
import { hasPage, onPage } from '../../ui/onPage';
import { livingGroup } from '../../support/processes.mjs';
import { eventually } from '../eventually';
import {
  activateWithVllm,
  assertGone,
  assertPortFree,
  chat,
  ended,
  familyRecorded,
  isReady,
  MODEL,
  ready,
  server,
  started,
  START_MS,
  wish,
} from '../realVllm';

let api: VramPilotApi;

describe('main job with a real vLLM', function () {
  this.timeout(2 * START_MS);

  before(async () => {
    api = await activateWithVllm();
  });

  afterEach(async () => {
    for (const { id, phase } of api.getState().servers) {
      if (phase !== 'ended') await api.stop(id, { force: true });
    }
  });

  it('knows the installed version without running it', () => {
    assert.equal(api.getState().engines.vllm.version, '0.32.0+cpu');
  });

  it('deploys from the palette, shows stages and ready, answers, and stops without a trace', async function () {
    if (!hasPage) this.skip();
    // the palette deploys with default options; what the CPU needs comes from the settings
    await onPage.openSideBar();
    await onPage.runCommand('VRAM Pilot: Deploy Model…');
    await onPage.pick('Choose a Folder');
    await onPage.chooseFolder(MODEL, 'Use This Model');
    await onPage.pick('Deploy');
    await eventually(() => api.getState().servers.length === 1, 'a server in the state');
    const { id } = api.getState().servers[0]!;
    const stages = new Set<string>();
    await eventually(
      () => {
        stages.add(server(id).stage);
        return isReady(id);
      },
      'ready',
      START_MS,
    );
    assert.ok(stages.has('loading'), `stages seen: ${[...stages].join(', ')}`);
    await onPage.treeRow('Servers', 'ready');
    await onPage.screenshot('engines-ready');

    const { facts, engineVersion } = server(id);
    assert.equal(facts?.kvCacheTokens, 32_768);
    const details = serverFacts(server(id)).join('\n');
    assert.match(details, /KV cache tokens: 32,768/);
    assert.match(details, /Ready after: \d+/);
    assert.match(details, /Version: 0\.32\.0/);
    assert.match(engineVersion ?? '', /^0\.32\.0/);

    const answer = await chat(server(id), 8);
    assert.match(answer, /data: \[DONE\]/);

    const before = server(id);
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assertGone(before);
    await assertPortFree(before.port);
    assert.equal(server(id).endReason, 'stopped', 'a clean stop is no crash');
    assert.equal(server(id).stillHeld, null);
  });

  it('stops during the start', async () => {
    const id = started(await api.deploy(wish()));
    await eventually(() => server(id).stage !== 'starting', 'a stage beyond starting', START_MS);
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assertGone(server(id));
    await assertPortFree(server(id).port);
    assert.equal(server(id).endReason, 'stopped');
  });

  it('stops while a stream is open, and restarts with the same settings on the same port', async () => {
    const id = started(await api.deploy(wish({ options: { maxModelLen: 2048 } })));
    await ready(id);
    const { port } = server(id);
    let firstPiece: () => void = () => undefined;
    const streaming = new Promise<void>((settle) => {
      firstPiece = settle;
    });
    const stream = chat(server(id), 1900, firstPiece).catch(() => 'cut off');
    await streaming;
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    await stream;
    assertGone(server(id));
    assert.equal(server(id).endReason, 'stopped');

    await vscode.commands.executeCommand('vramPilot.restartServer', id);
    const again = api.getState().servers.at(-1)!;
    assert.notEqual(again.id, id);
    assert.equal(again.port, port);
    assert.deepEqual(again.wish.options, server(again.id).wish.options);
    await ready(again.id);

    // the same server serves the next two questions
    const second = await api.deploy({ ...wish(), port });
    assert.ok(!second.ok && second.problems.some((problem) => problem.id === 'port_in_use'));

    await familyRecorded(again.id);
    const { record } = server(again.id);
    process.kill(record!.main.pid, 'SIGKILL');
    await ended(again.id);
    assert.equal(server(again.id).endReason, 'crashed');
    // it led its terminal's session, so the kernel hung up on its whole group: nothing may be left of it
    await eventually(() => livingGroup(record!.main.pid).length === 0, 'its engine gone', 20_000);
  });

  it('does not call it a clean stop when a worker was killed, though vLLM exits with 0', async () => {
    const id = started(await api.deploy(wish()));
    await ready(id);
    await familyRecorded(id);
    const engine = livingGroup(server(id).record!.main.pid).find(({ command }) =>
      command.startsWith('VLLM::EngineCore'),
    );
    assert.ok(engine, 'an engine process');
    process.kill(engine.pid, 'SIGKILL');
    await ended(id);
    assert.equal(server(id).endReason, 'crashed');
    assert.ok(server(id).diagnosis?.cause, 'a cause');
  });
});
