/**
 * What watching the GPUs costs this process and the tools it starts: the sampler as a window runs it (judging, history
 * and gauge included), beside a poll every half second as others do it. Real processes; only the tool is the stand-in.
 * A process as large as an extension host, because a fork copies its page tables. Prints one JSON object.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gaugeOf } from '../../src/app/gpus/gauge';
import { keepHistory } from '../../src/app/gpus/history';
import { judgeHolders } from '../../src/app/holders/holderJudge';
import { createSampler } from '../../src/app/gpus/sampler';
import { settingDefaults } from '../../src/app/settings';
import { initialState } from '../../src/app/state';
import { createStore } from '../../src/app/store';
import { emptyWish } from '../../src/app/planning/wishes';
import { nvidiaSource } from '../../src/gpu/nvidia/source';
import { openSystem } from '../../src/system/openSystem';
import { createFakeGpu } from '../support/fakeGpu.mjs';
import { fakeContext } from '../support/fakePorts';
import { cpuShare, type CpuShare } from './cpuShare';
import { pollAsAPeer } from './peerPoll';

/** Which parts to measure; the ten minutes take long, and parts may be measured side by side. */
const PARTS = new RegExp(process.env.BENCH_PARTS ?? '');
const HOST_MIB = 250;

async function shareWhile(run: (signal: AbortSignal) => Promise<unknown>): Promise<CpuShare> {
  const over = new AbortController();
  const running = run(over.signal);
  // the first looks choose a way and judge everybody
  await sleep(10_000);
  const share = await cpuShare();
  over.abort();
  await running;
  return share;
}

async function main(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-sampling-'));
  const ballast = Buffer.alloc(HOST_MIB * 2 ** 20, 1);
  try {
    const fake = createFakeGpu(folder, {
      processes: [{ pid: process.pid, usedMiB: 500, name: 'bench', gpu: 0 }],
    });
    const parts: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
      'sampling.nothing': () => Promise.resolve(),
      'sampling.every2s': (signal) => sampleAsAWindow(fake.executable, signal),
      'sampling.peerEvery500ms': (signal) => pollAsAPeer(fake.executable, signal),
    };
    const results: Record<string, CpuShare> = {};
    for (const [name, run] of Object.entries(parts))
      if (PARTS.test(name)) results[name] = await shareWhile(run);
    console.log(JSON.stringify(results));
    if (ballast.length === 0) throw new Error('the host has no size');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function sampleAsAWindow(executable: string, signal: AbortSignal): Promise<void> {
  const { exec, files, table, clock } = openSystem();
  const base = fakeContext();
  const settings = settingDefaults();
  const store = createStore(initialState(emptyWish(settings)));
  const { log } = base;
  const families = () => [{ vendor: 'nvidia' as const, ways: [nvidiaSource] }];
  const sampler = createSampler(
    { exec, files, clock, log, store, families },
    {
      intervalMs: () => 2000,
      warnPercent: () => 85,
      executable: () => executable,
      isWatched: () => true,
    },
  );
  const history = keepHistory(store, clock);
  const context = { ...base, files, table, clock, store } as unknown as typeof base;
  const stop = judgeHolders(context, {
    table,
    clock,
    log,
    files,
    sampleGpus: () => Promise.resolve(null),
    launches: () => [],
  });
  const unwatch = store.watch(
    (state) => state,
    (state) => gaugeOf(state, settings, clock.now(), history.trends()),
  );
  return sampler.run(signal).finally(() => {
    history.stop();
    stop();
    unwatch();
  });
}

void main();
