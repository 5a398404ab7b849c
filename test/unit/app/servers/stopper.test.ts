import assert from 'node:assert/strict';
import type { Log, SharedMemoryFile } from '../../../../src/app/ports';
import { stopLaunch } from '../../../../src/app/servers/stopper';
import type { StopStep } from '../../../../src/engines/engine';
import type { LaunchRecord } from '../../../../src/processes/process';
import type { FakeProcessTable } from '../../../support/fakeProcessTable';
import { vllmInTerminal } from '../../../support/vllmInTerminal';

const ASK: StopStep = { target: 'main', signal: 'SIGINT', waitMs: 15_000, why: 'ask' };
const ENGINE: StopStep = { target: 'engine', signal: 'SIGTERM', waitMs: 6000, why: 'engine' };
const FORCE: StopStep = { target: 'all', signal: 'SIGKILL', waitMs: 2000, why: 'force' };

interface Scene {
  readonly table: FakeProcessTable;
  readonly record: LaunchRecord;
  readonly ports: { table: FakeProcessTable; clock: FakeProcessTable['clock']; log: Log };
  readonly logged: string[];
}

function running(): Scene {
  const { table, record } = vllmInTerminal(1);
  const logged: string[] = [];
  const keep = (_: string, what: string, facts?: object): void =>
    void logged.push(`${what} ${JSON.stringify(facts)}`);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  return { table, record, ports: { table, clock: table.clock, log }, logged };
}

const sent = ({ table }: Scene): string[] =>
  table.signals.map(({ identity, signal, outcome }) => `${signal} ${identity.pid} ${outcome}`);

describe('stopLaunch', () => {
  it('asks main only, and is done as soon as everybody is gone', async () => {
    const scene = running();
    const { table } = scene;
    const from = table.clock.now();
    table.react = () => {
      table.clock.after(800, () => [102, 103, 100].forEach((pid) => table.end(pid)));
      table.clock.after(900, () => table.end(101));
      return false;
    };
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, ENGINE, FORCE]);
    assert.deepEqual(sent(scene), ['SIGINT 100 sent']);
    assert.deepEqual([outcome.gone, outcome.survivors.length], [true, 0]);
    assert.ok(table.clock.now() - from <= 1100, 'within one poll of the end');
    assert.ok(
      scene.logged.some((line) => line.includes('"signal":"SIGINT"') && line.includes('"pid":100')),
    );
  });

  it('goes on step by step when nothing helps, engines before main', async () => {
    const scene = running();
    scene.table.react = (_, signal) => signal === 'SIGKILL';
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, ENGINE, FORCE]);
    assert.deepEqual(sent(scene), [
      'SIGINT 100 sent',
      'SIGTERM 102 sent',
      'SIGKILL 102 sent',
      'SIGKILL 103 sent',
      'SIGKILL 101 sent',
      'SIGKILL 100 sent',
    ]);
    assert.ok(outcome.gone);
  });

  it('does not wait on a step nobody is left for, and ends what a dead main left', async () => {
    const scene = running();
    const { table } = scene;
    table.end(100);
    const from = table.clock.now();
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, FORCE]);
    assert.ok(table.clock.now() - from < 2500);
    assert.ok(!table.reached().includes(100));
    assert.equal(table.processes.has(102) || table.processes.has(103), false);
    assert.equal(outcome.gone, true);
  });

  it('remembers who appears meanwhile, also when it leaves the group', async () => {
    const scene = running();
    const { table } = scene;
    table.react = (process, signal) => {
      if (process.pid === 100 && signal === 'SIGINT') {
        table.clock.after(1500, () =>
          table.add({ pid: 110, ppid: 102, pgid: 100, sid: 100, args: ['VLLM::Worker_TP1'] }),
        );
        table.clock.after(5000, () => {
          table.processes.set(110, { ...table.processes.get(110)!, ppid: 1, pgid: 110, sid: 110 });
          [103, 102, 101, 100].forEach((pid) => table.end(pid));
        });
      }
      return signal === 'SIGKILL';
    };
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, FORCE]);
    assert.ok(table.reached().includes(110));
    assert.ok(outcome.gone && outcome.record.seen.some(({ pid }) => pid === 110));
  });

  it('kills who is born during the kill', async () => {
    const scene = running();
    const { table } = scene;
    table.react = (process) => {
      if (process.pid === 100)
        table.clock.after(100, () =>
          table.add({ pid: 120, ppid: 101, pgid: 100, sid: 100, args: ['VLLM::EngineCore'] }),
        );
      return process.pid !== 101;
    };
    await stopLaunch(scene.ports, scene.record, [FORCE]);
    assert.ok(table.reached().includes(120));
  });

  it('does not touch a pid that changed hands before the signal', async () => {
    const scene = running();
    const { table } = scene;
    table.beforeSignal = ({ pid }) => {
      if (pid === 102) table.reuse(102, { args: ['thesis'] });
    };
    const outcome = await stopLaunch(scene.ports, scene.record, [FORCE]);
    assert.equal(table.processes.get(102)?.args[0], 'thesis');
    assert.ok(
      outcome.signalled.some(
        ({ process, outcome: what }) => process.pid === 102 && what === 'changed',
      ),
    );
    assert.ok(outcome.gone);
  });

  it('tells who is left', async () => {
    const scene = running();
    scene.table.react = ({ pid }) => pid !== 103;
    const outcome = await stopLaunch(scene.ports, scene.record, [FORCE]);
    assert.deepEqual([outcome.gone, outcome.survivors.map(({ pid }) => pid)], [false, [103]]);
  });

  it('signals nobody, and does not claim success, where main is a shell somebody sits at', async () => {
    const scene = running();
    scene.table.processes.set(100, {
      ...scene.table.processes.get(100)!,
      args: ['-zsh'],
      comm: 'zsh',
    });
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, FORCE]);
    assert.deepEqual(sent(scene), []);
    assert.deepEqual([outcome.gone, outcome.survivors.map(({ pid }) => pid)], [false, [100]]);
  });

  it('stops stopping when it is told to', async () => {
    const scene = running();
    const abort = new AbortController();
    scene.table.react = () => {
      scene.table.clock.after(1000, () => abort.abort());
      return false;
    };
    const outcome = await stopLaunch(scene.ports, scene.record, [ASK, FORCE], {
      signal: abort.signal,
    });
    assert.deepEqual(sent(scene), ['SIGINT 100 sent']);
    assert.equal(outcome.gone, false);
    assert.equal(outcome.survivors.length, 4);
  });

  it('removes the shared memory its dead left, and nothing else there', async () => {
    const scene = running();
    const { table } = scene;
    const file = (path: string, inode: string): SharedMemoryFile => ({
      path: `/dev/shm/${path}`,
      device: '26',
      inode,
    });
    const files = {
      own: file('psm_0123abcd', '1'),
      semaphore: file('sem.mp-ab12_x9z', '2'),
      sharedWithOther: file('psm_89abcdef', '3'),
      madeAnew: file('psm_deadbeef', '4'),
      model: file('model.safetensors', '5'),
      inFolder: file('cache/psm_01234567', '6'),
      notOurs: file('psm_76543210', '7'),
    };
    for (const one of Object.values(files)) table.sharedFiles.set(one.path, one);
    table.sharedFiles.set(files.madeAnew.path, { ...files.madeAnew, inode: '40' });
    table.openShared.set(102, [
      files.own,
      files.sharedWithOther,
      files.madeAnew,
      files.model,
      files.inFolder,
    ]);
    table.openShared.set(103, [files.own, files.semaphore]);
    table.add({ pid: 500, args: ['python', 'other.py'] });
    table.openShared.set(500, [files.sharedWithOther, files.notOurs]);
    const outcome = await stopLaunch(scene.ports, scene.record, [FORCE]);
    assert.equal(outcome.removedSharedMemory, 2);
    const left = [...table.sharedFiles.keys()].map((path) => path.slice('/dev/shm/'.length)).sort();
    assert.deepEqual(left, [
      'cache/psm_01234567',
      'model.safetensors',
      'psm_76543210',
      'psm_89abcdef',
      'psm_deadbeef',
    ]);
  });

  it('leaves shared memory alone while anybody of the launch is left', async () => {
    const scene = running();
    const own = { path: '/dev/shm/psm_0123abcd', device: '26', inode: '1' };
    scene.table.sharedFiles.set(own.path, own);
    scene.table.openShared.set(102, [own]);
    scene.table.react = ({ pid }) => pid !== 103;
    assert.equal((await stopLaunch(scene.ports, scene.record, [FORCE])).removedSharedMemory, 0);
    assert.ok(scene.table.sharedFiles.has(own.path));
  });
});
