import assert from 'node:assert/strict';
import { endHolders, inspectHolders, type CleanerDeps } from '../../../../src/app/holders/cleaner';
import type { Log } from '../../../../src/app/ports';
import { stopLaunch } from '../../../../src/app/servers/stopper';
import { completeGpu } from '../../../../src/gpu/completeGpu';
import type { GpuProcess, GpuSample } from '../../../../src/gpu/gpu';
import { familyOf } from '../../../../src/app/holders/holderFamily';
import type { Holder } from '../../../../src/processes/process';
import { identityKey } from '../../../../src/processes/tree';
import { FakeProcessTable } from '../../../support/fakeProcessTable';
import { memoryFiles } from '../../../support/memoryFiles';
import { inFull } from '../../../support/effort';
import { VENV_PYTHON, type Forest } from '../../../support/forestGrower';
import { seededRandom } from '../../../support/seededRandom';
import { growForest } from '../../../support/processForest';

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const GPU = completeGpu(0, { name: 'card', totalBytes: 2 ** 40 });

/** A GPU that is as full as its living processes make it. */
function sampleOf(
  table: FakeProcessTable,
  rows: readonly GpuProcess[],
  started: ReadonlyMap<number, string | undefined>,
): GpuSample {
  const processes = rows.filter(
    ({ pid }) => table.processes.get(pid)?.startTime === started.get(pid),
  );
  const usedBytes = processes.reduce((sum, row) => sum + (row.usedBytes ?? 0), 0);
  return { gpus: [{ ...GPU, usedBytes }], processes, problems: [] };
}

function depsOf(forest: Pick<Forest, 'table' | 'gpu' | 'launches'>): CleanerDeps {
  const { table, gpu, launches } = forest;
  const started = new Map(gpu.map(({ pid }) => [pid, table.processes.get(pid)?.startTime]));
  return {
    table,
    clock: table.clock,
    log: silent,
    files: memoryFiles({
      [`${VENV_PYTHON.replace('/bin/python', '')}/lib/python3.11/site-packages/vllm/__init__.py`]:
        '',
    }),
    sampleGpus: () => Promise.resolve(sampleOf(table, gpu, started)),
    launches: () => launches,
  };
}

const SEEDS = inFull(10_000, 40);

describe(`cleaner in ${SEEDS} random forests`, function () {
  this.timeout(10_000 + SEEDS * 50);

  it('finds every leftover and never signals anybody else, with pids changing hands on the way', async () => {
    let orphans = 0;
    let found = 0;
    let reused = 0;
    const wrong: string[] = [];
    const missed: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const forest = growForest(seed);
      const { table } = forest;
      const random = seededRandom(seed * 7919);
      const deps = depsOf(forest);
      const holders = await inspectHolders(deps);
      for (const holder of holders.filter(({ canEnd }) => canEnd)) {
        const process = table.processes.get(holder.pid)!;
        if (!forest.orphans.has(identityKey(process)))
          wrong.push(
            `seed ${seed} offers ${process.comm} ${process.pid}: ${holder.reason} (${forest.story.join(', ')})`,
          );
      }
      for (const key of forest.orphans) {
        const pid = Number(key.split('/')[1]);
        orphans += 1;
        if (holders.some((holder) => holder.pid === pid && holder.canEnd)) found += 1;
        else
          missed.push(
            `seed ${seed} misses ${key}: ${JSON.stringify(holders.find((holder) => holder.pid === pid) ?? null)} (${forest.story.join(', ')})`,
          );
      }
      assert.equal(table.signals.length, 0, 'looking never signals');
      // Some end, and their numbers go to others, between the look and the signal: in the very last moment, too.
      const steal = (pid: number): void => {
        reused += 1;
        table.reuse(pid, {
          uid: table.selfFacts.uid,
          args: ['VLLM::EngineCore'],
          comm: 'VLLM::EngineCor',
        });
      };
      for (const holder of holders) if (holder.canEnd && random() < 0.15) steal(holder.pid);
      table.beforeSignal = ({ pid }) => {
        if (random() < 0.1) steal(pid);
      };
      table.react = (_, signal) => signal === 'SIGKILL' || random() < 0.7;
      const before = new Map(table.processes);
      const outcome = await endHolders(
        deps,
        holders.map(({ pid }) => pid),
        { shown: holders },
      );
      for (const { identity, outcome: sent, receiver } of table.signals)
        if (sent === 'sent' && !(receiver && forest.orphans.has(identityKey(receiver))))
          wrong.push(
            `seed ${seed} signalled ${before.get(identity.pid)?.comm ?? ''} ${identity.pid}`,
          );
      for (const pid of outcome.ended) {
        const now = table.processes.get(pid);
        assert.ok(!now || !forest.orphans.has(identityKey(now)), `${pid} said to be ended`);
      }
    }
    console.log(
      `      ${SEEDS} forests, ${found} of ${orphans} leftovers found, ${wrong.length} wrong, ${reused} pids reused`,
    );
    assert.deepEqual(wrong, []);
    assert.deepEqual(missed, []);
    assert.ok(orphans > SEEDS / 2 && reused > SEEDS / 10, 'the forests are not trivial');
  });

  it('stops our servers and touches nobody outside their families', async () => {
    let stopped = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const forest = growForest(seed);
      const { table } = forest;
      const random = seededRandom(seed * 104_729);
      table.beforeSignal = ({ pid }) => {
        if (random() < 0.05) table.reuse(pid);
      };
      table.react = (_, signal) => signal === 'SIGKILL' || random() < 0.5;
      for (const { record } of forest.launches) {
        const allowed = forest.families.get(record.launchId) ?? new Set<string>();
        const from = table.signals.length;
        const outcome = await stopLaunch({ table, clock: table.clock, log: silent }, record, [
          { target: 'main', signal: 'SIGINT', waitMs: 3000, why: 'ask' },
          { target: 'engine', signal: 'SIGTERM', waitMs: 6000, why: 'ask the engine' },
          { target: 'all', signal: 'SIGKILL', waitMs: 2000, why: 'force' },
        ]);
        if (!forest.families.has(record.launchId)) continue; // its truth is not written down
        stopped += 1;
        for (const { identity, outcome: sent, receiver } of table.signals.slice(from))
          assert.ok(
            sent !== 'sent' || (receiver && allowed.has(identityKey(receiver))),
            `seed ${seed}, pid ${identity.pid}: ${forest.story.join(', ')}`,
          );
        const left = [...table.processes.values()].filter(
          (process) => process.state !== 'Z' && allowed.has(identityKey(process)),
        );
        assert.deepEqual(
          left.map(({ pid }) => pid),
          [],
          `seed ${seed}: ${forest.story.join(', ')}`,
        );
        if (allowed.size > 0) assert.ok(outcome.gone);
      }
    }
    assert.ok(stopped > SEEDS / 5);
  });
});

/** An engine and two workers whose server was killed. */
function leftover(): Pick<Forest, 'table' | 'gpu' | 'launches'> {
  const table = new FakeProcessTable();
  table.add({ pid: 1, ppid: 0, pgid: 1, sid: 1, uid: 0, comm: 'systemd', args: ['/sbin/init'] });
  table.add({
    pid: 200,
    ppid: 1,
    pgid: 100,
    sid: 90,
    comm: 'VLLM::EngineCor',
    args: ['VLLM::EngineCore'],
  });
  for (const pid of [201, 202])
    table.add({
      pid,
      ppid: 200,
      pgid: 100,
      sid: 90,
      comm: 'VLLM::Worker_TP',
      args: [`VLLM::Worker_TP${pid - 201}`],
    });
  const gpu = [201, 202].map((pid) => ({ pid, usedBytes: 4 * 2 ** 30, name: 'python', gpus: [0] }));
  return { table, gpu, launches: [] };
}

describe('endHolders', () => {
  it('asks the engine above a chosen worker first; the workers follow, and the memory is measured', async () => {
    const forest = leftover();
    const { table } = forest;
    table.react = ({ pid }, signal) => {
      if (pid === 200 && signal === 'SIGTERM')
        table.clock.after(5000, () => [201, 202, 200].forEach((one) => table.end(one)));
      return false;
    };
    const outcome = await endHolders(depsOf(forest), [201]);
    assert.deepEqual([...outcome.ended].sort(), [200, 201]);
    assert.deepEqual(
      table.signals.map(({ identity, signal }) => [identity.pid, signal]),
      [[200, 'SIGTERM']],
    );
    assert.equal(outcome.freedBytes, 8 * 2 ** 30);
  });

  it('says who goes with whom, and ends nobody along who was not shown', async () => {
    const forest = leftover();
    const holders = await inspectHolders(depsOf(forest));
    const pidsOf = (list: readonly Holder[]) => list.map(({ pid }) => pid).sort();
    const worker = holders.filter(({ pid }) => pid === 201);
    assert.deepEqual(worker[0]?.goesWith, [200]);
    assert.deepEqual(pidsOf(familyOf(worker, holders)), [200, 201, 202]);
    await endHolders(depsOf(forest), [201], { shown: worker });
    assert.deepEqual(forest.table.reached(), [201]);
  });

  it('forces an engine that does not go, then the workers that hang', async () => {
    const forest = leftover();
    const { table } = forest;
    table.react = (_, signal) => signal === 'SIGKILL';
    const outcome = await endHolders(depsOf(forest), [200]);
    assert.deepEqual([...outcome.ended].sort(), [200, 201, 202]);
    assert.deepEqual(
      table.signals.map(({ identity, signal }) => `${identity.pid} ${signal}`),
      ['200 SIGTERM', '200 SIGKILL', '201 SIGTERM', '202 SIGTERM', '201 SIGKILL', '202 SIGKILL'],
    );
  });

  it('asks the engine first in a container, too, where it has no GPU device open', async () => {
    const forest = leftover();
    const { table } = forest;
    table.selfFacts = { ...table.selfFacts, inContainer: true };
    for (const pid of [200, 201, 202]) table.gpuHolders.set(pid, pid !== 200);
    await endHolders(depsOf(forest), [201]);
    assert.equal(table.reached()[0], 200);
  });

  it('refuses with the reason what may not be ended, and what is not what was shown', async () => {
    const forest = leftover();
    const shown = await inspectHolders(depsOf(forest));
    forest.table.reuse(201, { ppid: 200, pgid: 100, sid: 90, args: ['VLLM::Worker_TP0'] });
    forest.table.add({ pid: 300, args: ['python', 'train.py'] });
    forest.gpu.push({ pid: 300, usedBytes: null, name: null, gpus: [0] });
    const outcome = await endHolders(depsOf(forest), [201, 300, 999], { shown });
    assert.deepEqual(outcome.ended, []);
    assert.equal(outcome.freedBytes, 0);
    assert.equal(forest.table.signals.length, 0);
    assert.deepEqual(
      outcome.refused.map(({ pid }) => pid),
      [201, 300, 999],
    );
    assert.match(outcome.refused[0]!.why, /another process now/);
    assert.match(outcome.refused[2]!.why, /no GPU memory/);
  });

  it('says why memory did not come back', async () => {
    const held = 4 * 2 ** 30;
    const cases: readonly (readonly [RegExp | null, readonly GpuProcess[], number])[] = [
      [null, [], 0],
      [
        /still charges 4.* GiB to PID 201/,
        [{ pid: 201, usedBytes: held, name: null, gpus: [0] }],
        held,
      ],
      [/taken again by PID 900/, [{ pid: 900, usedBytes: held, name: null, gpus: [0] }], held],
      [/not listed/, [], held],
    ];
    for (const [why, processes, usedBytes] of cases) {
      const forest = leftover();
      const deps = {
        ...depsOf(forest),
        sampleGpus: () =>
          Promise.resolve(
            forest.table.processes.has(201)
              ? { gpus: [{ ...GPU, usedBytes: held }], processes: [forest.gpu[0]!], problems: [] }
              : { gpus: [{ ...GPU, usedBytes }], processes, problems: [] },
          ),
      };
      const outcome = await endHolders(deps, [200]);
      assert.deepEqual([...outcome.ended].sort(), [200, 201]);
      if (why === null) assert.deepEqual([outcome.freedBytes, outcome.shortfall], [held, null]);
      else {
        assert.equal(outcome.freedBytes, 0);
        assert.match(outcome.shortfall ?? '', why);
      }
    }
  });

  it('does not claim a number where a GPU does not say how full it is', async () => {
    const forest = leftover();
    const deps = {
      ...depsOf(forest),
      sampleGpus: () =>
        Promise.resolve({
          gpus: [{ ...GPU, usedBytes: null }],
          processes: forest.gpu,
          problems: [],
        }),
    };
    assert.equal((await endHolders(deps, [200])).freedBytes, null);
  });

  it('says so when a process waits in the kernel', async () => {
    const forest = leftover();
    forest.table.react = (process) => {
      forest.table.processes.set(process.pid, { ...process, state: 'D' });
      return false;
    };
    const outcome = await endHolders(depsOf(forest), [200]);
    assert.deepEqual(outcome.ended, []);
    assert.ok(outcome.refused.every(({ why }) => why.includes('kernel')));
  });

  it('honours the setting that protects', async () => {
    // the engine would take its workers along: one name protects them all
    for (const part of ['Worker_TP1', 'EngineCore', '202']) {
      const holders = await inspectHolders({ ...depsOf(leftover()), protect: [part] });
      assert.deepEqual(
        holders.filter(({ canEnd }) => canEnd),
        [],
      );
    }
    assert.ok(
      (await inspectHolders({ ...depsOf(leftover()), protect: ['x'] })).every((h) => h.canEnd),
    );
  });

  it('lists leftovers of a dead launch of ours that hold no GPU memory', async () => {
    const forest = leftover();
    const main = { pid: 100, startTime: '500', bootId: forest.table.processes.get(1)!.bootId };
    forest.gpu.length = 0;
    forest.launches.push({
      record: { launchId: 'L', engine: 'vllm', main, pgid: 100, sid: 90, port: 8000, seen: [] },
      origin: 'ours',
    });
    const holders = await inspectHolders(depsOf(forest));
    assert.deepEqual(
      holders.map(({ pid, usedBytes, canEnd }) => [pid, usedBytes, canEnd]),
      [
        [200, null, true],
        [201, null, true],
        [202, null, true],
      ],
    );
  });

  it('lets nobody with no tool and no record be listed', async () => {
    const deps = { ...depsOf(leftover()), sampleGpus: () => Promise.resolve(null) };
    assert.deepEqual(await inspectHolders(deps), []);
  });
});
