import assert from 'node:assert/strict';
import { launchFamily } from '../../../src/processes/family';
import type { LaunchRecord, ProcessInfo } from '../../../src/processes/process';
import { identityOf } from '../../../src/processes/tree';
import { FAKE_BOOT, type FakeProcessTable } from '../../support/fakeProcessTable';
import { vllmInTerminal } from '../../support/vllmInTerminal';

const pids = (processes: readonly ProcessInfo[]): number[] =>
  processes.map(({ pid }) => pid).sort((a, b) => a - b);

/** An engine process until it has its title, or any program's helper. */
const SPAWN = [
  '/v/bin/python',
  '-c',
  'from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5, pipe_handle=7)',
  '--multiprocessing-fork',
];

const rows = (table: FakeProcessTable): ProcessInfo[] => [...table.processes.values()];

describe('launchFamily', () => {
  it('sorts the tree of a live server and leaves its surroundings out', () => {
    const { table, record } = vllmInTerminal();
    const family = launchFamily(record, rows(table), { protectedPids: [50, 40, 1], uid: 1000 });
    assert.equal(family.main?.pid, 100);
    assert.deepEqual(pids(family.engines), [102]);
    assert.deepEqual(pids(family.workers), [103, 104]);
    assert.deepEqual(pids(family.others), [101]);
    assert.equal(family.all.at(-1)?.pid, 100, 'main comes last');
  });

  it('finds what a killed main leaves behind, by group and title, without ever having seen it', () => {
    const { table, record } = vllmInTerminal();
    table.end(100);
    const family = launchFamily(record, rows(table), { uid: 1000 });
    assert.equal(family.main, null);
    assert.deepEqual(pids(family.all), [102, 103, 104]);
  });

  it('takes untitled members of the group too once somebody recorded stands in it', () => {
    const { table, record } = vllmInTerminal();
    const seen = [identityOf(table.processes.get(102)!)];
    table.end(100);
    assert.deepEqual(
      pids(launchFamily({ ...record, seen }, rows(table)).all),
      [101, 102, 103, 104],
    );
  });

  it('finds a recorded rank that left the group', () => {
    const { table, record } = vllmInTerminal();
    const seen = [identityOf(table.processes.get(103)!)];
    table.end(100);
    table.end(102);
    table.processes.set(103, { ...table.processes.get(103)!, pgid: 103, sid: 103 });
    table.end(104);
    assert.deepEqual(pids(launchFamily({ ...record, seen }, rows(table)).all), [103]);
  });

  it('does not take the group when its number is in new hands', () => {
    const { table, record } = vllmInTerminal();
    for (const pid of [100, 101, 102, 103, 104]) table.end(pid);
    table.reuse(100, { args: ['/usr/bin/make'] });
    table.add({ pid: 200, ppid: 100, pgid: 100, sid: 100, args: ['VLLM::EngineCore'] });
    assert.deepEqual(launchFamily(record, rows(table)).all, []);
    table.end(100);
    table.add({ pid: 201, ppid: 1, pgid: 100, sid: 100, args: ['/usr/bin/cc1plus'] });
    assert.deepEqual(pids(launchFamily(record, rows(table)).all), [200], 'untitled ones stay out');
  });

  it('leaves a later server alone whose group has the same number, its first process gone', () => {
    const { table, record } = vllmInTerminal();
    for (const pid of [100, 101, 102, 103, 104]) table.end(pid);
    // `sh -c 'vllm serve … &'`: the shell that leads the group ends, the server goes on in it
    table.reuse(100, { args: ['sh', '-c', 'vllm serve m &'], comm: 'sh' });
    const group = { pgid: 100, sid: 100 };
    table.add({ pid: 300, ppid: 100, ...group, args: ['/v/bin/python', '/v/bin/vllm', 'serve'] });
    table.add({ pid: 301, ppid: 300, ...group, args: ['VLLM::EngineCore'] });
    table.end(100);
    assert.deepEqual(launchFamily(record, rows(table)).all, []);
    table.end(300);
    assert.deepEqual(pids(launchFamily(record, rows(table)).all), [301]);
  });

  it('leaves another program’s helpers alone in a group with the same number', () => {
    const { table, record } = vllmInTerminal();
    for (const pid of [100, 101, 102, 103, 104]) table.end(pid);
    table.reuse(100, { args: ['python', 'train.py'], comm: 'python' });
    table.add({ pid: 300, ppid: 100, pgid: 100, sid: 100, args: SPAWN, comm: 'python' });
    table.end(100);
    assert.deepEqual(launchFamily(record, rows(table)).all, []);
  });

  it('does not take the group or session of a shell the server was started in', () => {
    const { table, record } = vllmInTerminal();
    table.add({ pid: 90, args: ['bash'], comm: 'bash' });
    table.add({ pid: 300, ppid: 90, pgid: 300, sid: 90, args: ['sleep', '9'] });
    const inShell: LaunchRecord = { ...record, pgid: 90, sid: 90 };
    table.end(100);
    table.processes.set(102, { ...table.processes.get(102)!, pgid: 90, sid: 90 });
    assert.deepEqual(launchFamily(inShell, rows(table)).all, []);
  });

  it('forgets everything after a reboot', () => {
    const { table, record } = vllmInTerminal();
    const old: LaunchRecord = { ...record, main: { ...record.main, bootId: 'an earlier boot' } };
    assert.notEqual(old.main.bootId, FAKE_BOOT);
    assert.deepEqual(launchFamily(old, rows(table)).all, []);
  });

  it('never takes in protected processes, even below main', () => {
    const { table, record } = vllmInTerminal();
    table.add({ pid: 105, ppid: 100, pgid: 100, sid: 100, args: ['bash', '-i'], comm: 'bash' });
    table.add({ pid: 106, ppid: 105, pgid: 100, sid: 100, args: ['node', 'cli.js'] });
    const family = launchFamily(record, rows(table), { protectedPids: [106, 105, 100, 40, 1] });
    assert.ok(!pids(family.all).some((pid) => [100, 105, 106].includes(pid)));
  });

  it('takes nobody where the recorded main is a shell somebody sits at', () => {
    const { table, record } = vllmInTerminal();
    table.processes.set(100, {
      ...table.processes.get(100)!,
      args: ['/bin/bash', '-l'],
      comm: 'bash',
    });
    assert.deepEqual(
      pids(launchFamily(record, rows(table)).all).filter((pid) => pid < 102),
      [],
    );
    table.processes.set(100, { ...table.processes.get(100)!, args: ['bash', '/opt/vllm-wrapper'] });
    assert.equal(launchFamily(record, rows(table)).all.length, 5, 'a script is no such shell');
  });

  it('counts zombies as gone and puts half-started processes where they will belong', () => {
    const { table, record } = vllmInTerminal();
    table.end(104, true);
    for (const pid of [102, 103])
      table.processes.set(pid, { ...table.processes.get(pid)!, args: SPAWN, comm: 'python' });
    const family = launchFamily(record, rows(table));
    assert.deepEqual([pids(family.engines), pids(family.workers)], [[102], [103]]);
  });

  it('takes a marked process in, wherever it stands', () => {
    const { table, record } = vllmInTerminal();
    table.add({ pid: 400, args: ['/usr/local/bin/ollama', 'runner', '--port', '5'] });
    assert.ok(
      pids(launchFamily(record, rows(table), { marked: new Set([400]) }).engines).includes(400),
    );
  });
});
