/**
 * Life and end of a real vLLM in a window: whoever ends it, at whatever stage, with whatever signal, the person's Stop
 * leaves no process, no port, no lock and no record of it.
 */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { livingGroup } from '../../support/processes.mjs';
import { eventually } from '../eventually';
import {
  activateWithVllm,
  assertNothingLeft,
  chat,
  ended,
  familyRecorded,
  ready,
  RUNS_ALL,
  server,
  started,
  START_MS,
  wish,
} from '../realVllm';
import { removeServers } from '../removeServers';

/** A signal during the start is kept until the engine has loaded, lost, or hangs the server: then Stop is pressed. */
const PATIENCE_MS = 60_000;
/** Python imports in the first ten seconds. */
const IMPORTING_MS = 3_000;

type Stage = 'imports' | 'loading' | 'ready';
type Blow = 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'closed terminal';

const STAGES: readonly Stage[] = ['imports', 'loading', 'ready'];
const BLOWS: readonly Blow[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'closed terminal'];
/** Beside a reload while loading (serverLife.engines.ui.mjs), and SIGKILL of a ready one (mainJob). */
const SHORT: readonly string[] = ['SIGTERM, loading', 'closed terminal, ready'];

const sleep = (ms: number) => new Promise<void>((next) => setTimeout(next, ms));

async function reached(stage: Stage, id: string): Promise<void> {
  if (stage === 'ready') {
    await ready(id);
    await familyRecorded(id);
    return;
  }
  await eventually(() => server(id).record !== null, 'its process');
  if (stage === 'imports') await sleep(IMPORTING_MS);
  else await eventually(() => server(id).stage !== 'starting', 'its load', START_MS);
  assert.equal(server(id).phase, 'starting');
}

async function strike(blow: Blow, pid: number): Promise<void> {
  if (blow !== 'closed terminal') {
    process.kill(pid, blow);
    return;
  }
  for (const terminal of vscode.window.terminals) {
    if ((await terminal.processId) !== pid) continue;
    terminal.dispose();
    return;
  }
  assert.fail('its terminal is open');
}

/** Of one that ended from outside; none where either may be, or where Stop was needed. */
function expectedReason(blow: Blow, stage: Stage): string | null {
  if (blow === 'closed terminal') return null;
  if (blow === 'SIGKILL') return stage === 'ready' ? 'crashed' : 'failed';
  return stage === 'ready' ? 'stopped' : null;
}

describe('life of a real vLLM', function () {
  this.timeout(3 * START_MS);
  let api: VramPilotApi;
  const deploy = async (change: Parameters<typeof wish>[0] = {}, force = false) =>
    started(await api.deploy(wish(change), { force }));

  before(async () => {
    api = await activateWithVllm();
    await removeServers(api);
  });

  afterEach(() => removeServers(api));

  async function stop(id: string): Promise<void> {
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server(id).endReason, 'stopped');
  }

  const times = RUNS_ALL ? 20 : 5;
  it(`starts and stops ${String(times)} times in a row, and leaves nothing`, async function () {
    this.timeout(times * 2 * START_MS);
    const ports = new Set<number>();
    for (let round = 1; round <= times; round++) {
      const startedAtMs = Date.now();
      const id = await deploy();
      await ready(id);
      await familyRecorded(id);
      const readyAtMs = Date.now();
      await stop(id);
      await assertNothingLeft(id);
      ports.add(server(id).port);
      const seconds = (ms: number) => (ms / 1000).toFixed(1);
      console.log(
        `      ${String(round)}: ready after ${seconds(readyAtMs - startedAtMs)} s, gone after ${seconds(Date.now() - readyAtMs)} s`,
      );
      await removeServers(api);
    }
    assert.equal(ports.size, 1, `each time the same port was free again: ${[...ports].join()}`);
  });

  for (const blow of BLOWS) {
    for (const stage of STAGES) {
      if (!RUNS_ALL && !SHORT.includes(`${blow}, ${stage}`)) continue;
      it(`leaves nothing after ${blow} at stage ${stage}`, async () => {
        const id = await deploy();
        await reached(stage, id);
        const { main } = server(id).record!;
        await strike(blow, main.pid);
        const wasReady = stage === 'ready';
        await eventually(
          () => server(id).phase === 'ended' || (!wasReady && server(id).phase === 'ready'),
          'what comes of it',
          PATIENCE_MS,
        ).catch(() => undefined);
        const { phase, endReason } = server(id);
        console.log(`      came to: ${phase}${endReason === null ? '' : `, ${endReason}`}`);
        if (phase === 'ended') {
          const reason = expectedReason(blow, stage);
          if (reason !== null) assert.equal(endReason, reason);
        } else {
          assert.ok(
            !wasReady && blow !== 'SIGKILL' && blow !== 'closed terminal',
            `still ${phase}`,
          );
          await stop(id);
        }
        await assertNothingLeft(id);
      });
    }
  }

  it('runs on two GPUs, shows both ranks, and takes them along', async () => {
    // the card is one: the plan says so
    const id = await deploy({ options: { tensorParallelSize: 2 } }, true);
    await ready(id);
    const ranks = () =>
      livingGroup(server(id).record!.main.pid).filter(({ command }) =>
        command.startsWith('VLLM::Worker_TP'),
      );
    assert.deepEqual(
      ranks()
        .map(({ command }) => command)
        .sort(),
      ['VLLM::Worker_TP0', 'VLLM::Worker_TP1'],
    );
    await eventually(
      () => ranks().every(({ pid }) => server(id).record!.seen.some((one) => one.pid === pid)),
      'both ranks recorded',
    );
    await stop(id);
    await assertNothingLeft(id);
  });

  it('takes two ranks along by force, in the middle of a stream', async function () {
    if (!RUNS_ALL) this.skip();
    const id = await deploy({ options: { tensorParallelSize: 2, maxModelLen: 2048 } }, true);
    await ready(id);
    let begun = false;
    const stream = chat(server(id), 1900, () => (begun = true)).catch(() => 'cut off');
    await eventually(() => begun, 'the first piece of the answer');
    const stopped = await api.stop(id, { force: true });
    assert.ok(stopped.ok, JSON.stringify(stopped));
    await stream;
    await assertNothingLeft(id);
  });

  it('calls it a crash when one of two ranks is killed, though vLLM exits with 0', async function () {
    if (!RUNS_ALL) this.skip();
    const id = await deploy({ options: { tensorParallelSize: 2 } }, true);
    await ready(id);
    const rank = livingGroup(server(id).record!.main.pid).find(({ command }) =>
      command.startsWith('VLLM::Worker_TP1'),
    );
    assert.ok(rank);
    process.kill(rank.pid, 'SIGKILL');
    await ended(id);
    assert.equal(server(id).endReason, 'crashed');
    assert.ok(server(id).diagnosis?.cause, 'a cause');
    await assertNothingLeft(id);
  });
});
