// Real vLLM servers orphaned in every way that was seen: all leftovers found and ended, nobody else signalled.
import assert from 'node:assert/strict';
import { livingGroup, isAlive } from '../support/processes.mjs';
import { installEngines } from './install.mjs';
import {
  eventually,
  holdersOf,
  loadCleaner,
  plantBystanders,
  residentBytes,
  startServer,
} from './orphanScene.mjs';

/** Strangers' leftovers are offered when they are a minute old; the test moves the clock instead of waiting. */
const LATER_MS = 120_000;

const titledEngine = (server) => server.engine();
const halfStarted = (server) =>
  !server.engine() &&
  holdersOf(server.members()).some(({ pid }) => residentBytes(pid) > 100 * 2 ** 20);

const CASES = [
  { title: 'API server killed when ready', way: 'job', when: (server) => server.isReady() },
  { title: 'API server killed while the engine loads', way: 'job', when: titledEngine },
  {
    title: 'killed in a terminal that is then closed',
    way: 'terminal',
    when: (server) => server.isReady(),
    closes: true,
  },
  {
    title: 'two tensor-parallel ranks',
    way: 'job',
    extra: ['--tensor-parallel-size', '2'],
    when: (server) => server.isReady(),
    leaves: 3,
  },
  { title: 'half started, before its title', way: 'job', when: halfStarted, untitled: true },
  { title: 'a session of its own (setsid)', way: 'setsid', when: (server) => server.isReady() },
  { title: 'below a subreaper', way: 'subreaper', when: (server) => server.isReady() },
  {
    title: 'of a launch that is on record',
    way: 'setsid',
    when: (server) => server.isReady(),
    recorded: true,
  },
];

describe('real vLLM servers that lose their front end', function () {
  this.timeout(600_000);
  let engines;
  let product;
  let bystanders;
  const counts = { leftovers: 0, found: 0, signals: 0, wrong: 0 };

  before(async () => {
    engines = await installEngines();
    product = await loadCleaner();
    bystanders = plantBystanders(`${engines.vllm}/bin/python`);
  });

  after(() => {
    const around = bystanders?.everyone().length ?? 0;
    bystanders?.end();
    const { leftovers, found, signals, wrong } = counts;
    console.log(
      `      ${found} of ${leftovers} leftovers found, ${signals} signals, ${wrong} to others, ` +
        `${around} bystanders`,
    );
  });

  for (const one of CASES)
    it(one.title, async () => {
      const server = await startServer({ ...engines, way: one.way, extra: one.extra });
      try {
        await playCase(one, server);
      } finally {
        server.end();
      }
    });

  async function playCase(one, server) {
    await eventually(() => one.when(server), 'the moment to kill');
    const scene = await openScene(one, server);
    assert.deepEqual(
      await scene.offered(LATER_MS),
      [],
      'nothing is offered while the server lives',
    );
    await server.kill();
    const truth = holdersOf(server.members()).map(({ pid }) => pid);
    if (one.closes) {
      await server.close();
      for (const pid of truth) assert.ok(isAlive(pid), 'the leftovers survive their terminal');
    }
    assert.equal(one.untitled === true, server.engine() === undefined, 'titled or not');
    assert.ok(truth.length >= (one.leaves ?? 1), `left over: ${truth.length}`);
    counts.leftovers += truth.length;
    // while threads of the dead front end are still ending, it counts as their parent
    const look = () => scene.offered(one.recorded ? 0 : LATER_MS);
    await eventually(async () => (await look()).length >= truth.length, 'the offer', 10_000).catch(
      () => undefined,
    );
    const offered = await look();
    counts.found += truth.filter((pid) => offered.includes(pid)).length;
    for (const pid of truth) assert.ok(offered.includes(pid), scene.why(pid));
    await assertNeverWrong(scene, server, truth);
    const heldBytes = truth.reduce((sum, pid) => sum + residentBytes(pid), 0);
    const outcome = await scene.end(offered);
    assert.deepEqual(outcome.refused, []);
    for (const pid of truth) assert.equal(isAlive(pid), false, `${pid} is gone`);
    // the resource tracker leaves by itself when it has cleaned up
    await eventually(() => livingGroup(server.main).length === 0, 'an empty group', 30_000);
    // one that gave up by itself just then has none to give back
    const leastBytes = Math.min(50 * 2 ** 20, heldBytes / 2);
    assert.ok(
      outcome.freedBytes >= leastBytes,
      `${outcome.freedBytes} bytes came back of ${heldBytes}`,
    );
    assert.deepEqual([...bystanders.ended], [], 'bystanders live');
  }

  async function assertNeverWrong(scene, server, truth) {
    const [pid] = truth;
    const row = await scene.table.one(pid);
    for (const changed of [{ startTime: '1' }, { bootId: 'another' }])
      assert.equal(await scene.table.signal({ ...row, ...changed }, 'SIGTERM'), 'changed');
    assert.ok(isAlive(pid), 'not signalled under another identity');
    assert.equal(
      (await scene.table.signal(await scene.table.one(process.pid), 'SIGTERM')) === 'sent',
      false,
    );
  }

  /** The card of this scene: resident memory stands for GPU memory, and bystanders hold some, too. */
  async function openScene(one, server) {
    const real = product.openLinuxProcessTable();
    const clock = product.openClock();
    const main = await real.one(server.main);
    let shiftMs = 0;
    const table = {
      ...real,
      // there is no GPU device to have open
      holdsGpuDevice: () => Promise.resolve(null),
      signal: async (identity, signal) => {
        const isOurs = livingGroup(server.main).some(({ pid }) => pid === identity.pid);
        const outcome = await real.signal(identity, signal);
        counts.signals += 1;
        if (!isOurs) counts.wrong += 1;
        assert.ok(isOurs, `signalled ${identity.pid}, which is not of the server`);
        return outcome;
      },
    };
    const sampleGpus = () => {
      const rows = [
        ...holdersOf(server.members()).map(({ pid }) => pid),
        ...bystanders.everyone().filter((pid) => isAlive(pid)),
      ];
      const processes = rows.map((pid) => ({
        ...{ pid, usedBytes: residentBytes(pid), name: null, gpus: [0] },
      }));
      const usedBytes = processes.reduce((sum, row) => sum + row.usedBytes, 0);
      return Promise.resolve({ gpus: [{ index: 0, usedBytes }], processes, problems: [] });
    };
    const silent = () => undefined;
    const { pid, startTime, bootId, pgid, sid } = main;
    const record = {
      ...{ launchId: 'real', engine: 'vllm', main: { pid, startTime, bootId } },
      ...{ pgid, sid, port: server.port, seen: [] },
    };
    const deps = {
      table,
      files: product.openFiles(),
      clock: { ...clock, now: () => clock.now() + shiftMs },
      log: { debug: silent, info: silent, warn: silent, error: silent },
      sampleGpus,
      launches: () => (one.recorded ? [{ record, origin: 'ours' }] : []),
    };
    let holders = [];
    return {
      table: real,
      async offered(laterMs) {
        shiftMs = laterMs;
        holders = await product.inspectHolders(deps);
        return holders.filter(({ canEnd }) => canEnd).map((holder) => holder.pid);
      },
      why: (wanted) => JSON.stringify(holders.find((holder) => holder.pid === wanted) ?? wanted),
      end: (pids) => product.endHolders(deps, pids, { shown: holders }),
    };
  }
});
