/**
 * What watching the GPUs costs this process and the tools it starts: the sampler as a window runs it (judging, history
 * and gauge included), beside a poll every half second as others do it. Real processes; only the tool is the stand-in.
 * A process as large as an extension host, because a fork copies its page tables. Prints one JSON object.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gaugeOf } from '../../src/app/gauge';
import { keepHistory } from '../../src/app/history';
import { judgeHolders } from '../../src/app/holderJudge';
import { createSampler } from '../../src/app/sampler';
import { settingDefaults } from '../../src/app/settings';
import { initialState } from '../../src/app/state';
import { createStore } from '../../src/app/store';
import { emptyWish } from '../../src/app/wishes';
import { nvidiaSource } from '../../src/gpu/nvidia/source';
import { openSystem } from '../../src/system/openSystem';
import { createFakeGpu } from '../support/fakeGpu.mjs';
import { fakeContext } from '../support/fakePorts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
/** Which parts to measure; the ten minutes take long, and parts may be measured side by side. */
const PARTS = new RegExp(process.env.BENCH_PARTS ?? '');
const HOST_MIB = 250;

/** Of one core. */
interface Share {
  readonly hostPercent: number;
  readonly childrenPercent: number | null;
}

/** Fields 16 and 17 of /proc/self/stat, in ticks of 10 ms; children that still run are not in them. */
function endedChildrenMs(): number | null {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return null;
  }
}

async function shareWhile(run: (signal: AbortSignal) => Promise<unknown>): Promise<Share> {
  const over = new AbortController();
  const running = run(over.signal);
  // the first looks choose a way and judge everybody
  await sleep(10_000);
  const before = process.cpuUsage();
  const childrenBefore = endedChildrenMs();
  await sleep(SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  over.abort();
  await running;
  await sleep(200);
  const childrenAfter = endedChildrenMs();
  const percent = (ms: number) => Number((ms / (SECONDS * 10)).toFixed(3));
  return {
    hostPercent: percent((user + system) / 1000),
    childrenPercent:
      childrenBefore === null || childrenAfter === null
        ? null
        : percent(childrenAfter - childrenBefore),
  };
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
    const results: Record<string, Share> = {};
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

async function pollAsAPeer(executable: string, signal: AbortSignal): Promise<void> {
  const fields = 'index,name,memory.total,memory.used,utilization.gpu,temperature.gpu';
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  while (!signal.aborted) {
    await promisify(execFile)(executable, args);
    await sleep(500);
  }
}

void main();
