/**
 * What fifty servers cost while nothing happens, how fast a window shows them again, and how fast a change of a stage
 * reaches a view. Real processes, files and clock; only the servers are sleeps. Prints one JSON object.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createLaunchTurns } from '../../src/app/launching/launchTurns';
import { recordOf } from '../../src/app/servers/launchRecord';
import { createObserver } from '../../src/app/servers/observer';
import { createRegistry } from '../../src/app/servers/registry';
import { initialState, type Server } from '../../src/app/state';
import { createStore } from '../../src/app/store';
import { emptyWish } from '../../src/app/planning/wishes';
import { settingDefaults } from '../../src/app/settings';
import { openSystem } from '../../src/system/openSystem';
import { answered, fakeContext, serverOf } from '../support/fakePorts';
import { timingOf, type Timing } from './measure';

const SERVERS = 50;
const WATCHED_SECONDS = Number(process.env.BENCH_SECONDS ?? 30);

/** One window with everything real but its servers' endpoints. */
function openWindow(folder: string) {
  const { files, table, clock } = openSystem();
  const base = fakeContext();
  const store = createStore(initialState(emptyWish(settingDefaults())));
  const registry = createRegistry(files, path.join(folder, 'launches'), base.log);
  const context = { ...base, files, table, clock, store, registry } as unknown as typeof base;
  const observer = createObserver(context);
  const turns = createLaunchTurns(context, observer, path.join(folder, 'locks'));
  return { context, observer, turns };
}

/** Milliseconds of this process's CPU in each second. */
async function cpuPerSecond(seconds: number): Promise<Timing> {
  const spent: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    spent.push((user + system) / 1000);
  }
  // the mean is what counts: the work comes in beats of five seconds
  const mean = spent.reduce((sum, ms) => sum + ms, 0) / seconds;
  return {
    runs: seconds,
    p50Ms: Number(mean.toFixed(3)),
    p95Ms: Number(Math.max(...spent).toFixed(3)),
  };
}

async function main(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-observe-'));
  const sleeps: ChildProcess[] = [];
  try {
    const first = openWindow(folder);
    const { registry, table, store } = first.context;
    for (let at = 0; at < SERVERS; at++) {
      const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
      sleeps.push(child);
      const main = await table.one(child.pid ?? 0);
      if (!main) throw new Error('the sleep is not in the process table');
      const plain = serverOf({ id: `bench-${String(at)}`, port: 20_000 + at, readyAtMs: 1 });
      const server: Server = { ...plain, record: recordOf(plain, main), simulated: false };
      await registry.save(server);
    }

    const results: Record<string, Timing> = {};
    results['observe.foundAgain.50servers'] = await timingOf(10, async () => {
      const window = openWindow(folder);
      await window.turns.shared.sync();
      window.observer.dispose();
      const found = window.context.store.state().servers.length;
      if (found !== SERVERS) throw new Error(`found ${String(found)} of ${String(SERVERS)}`);
    });

    await first.turns.shared.sync();
    for (const { id } of store.state().servers)
      store.dispatch({ type: 'serverLived', id, event: { type: 'healthOk' } });
    const over = new AbortController();
    void first.turns.shared.run(over.signal);
    // the first looks and reads belong to the start
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    results['observe.50servers.cpuMsPerSecond'] = await cpuPerSecond(WATCHED_SECONDS);
    if (store.state().servers.some(({ phase }) => phase !== 'ready'))
      throw new Error('a server was lost while it was watched');
    over.abort();
    first.observer.dispose();

    const window = openWindow(folder);
    window.context.http.routes.set('GET http://127.0.0.1:8000/health', answered('', 503));
    const starting = serverOf({ id: 'stage' });
    window.context.store.dispatch({ type: 'serverAdded', server: starting });
    let drawn = 0;
    window.context.store.watch(
      (state) => state.servers,
      () => {
        drawn += 1;
      },
    );
    let line = 0;
    results['observe.stageChange'] = await timingOf(200, () => {
      const before = drawn;
      const done = String((line += 1));
      window.observer.output(
        'stage',
        `Loading safetensors checkpoint shards: ${done}% Completed | ${done}/400 [00:00<00:00]\n`,
      );
      if (drawn === before) throw new Error(`line ${done} changed nothing`);
    });
    window.observer.dispose();
    console.log(JSON.stringify(results));
  } finally {
    for (const child of sleeps) child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

void main();
