import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { endHolders, inspectHolders, type CleanerDeps } from '../../../src/app/holders/cleaner';
import type { Log } from '../../../src/app/ports';
import { stopLaunch } from '../../../src/app/servers/stopper';
import { completeGpu } from '../../../src/gpu/completeGpu';
import { LAUNCH_MARK } from '../../../src/processes/process';
import { identityOf } from '../../../src/processes/tree';
import { openClock } from '../../../src/system/clock';
import { openFiles } from '../../../src/system/files';
import { openLinuxProcessTable } from '../../../src/system/linuxProcessTable';
import type { LinuxRoots } from '../../../src/system/linuxRoots';
import { openProcessTable } from '../../../src/system/processTable';
import { plantStandInTree } from '../../support/standInTree';

const BOOT = '11111111-2222-4333-8444-555555555555';

interface FakeRow {
  pid: number;
  ppid?: number;
  start?: number;
  uid?: number;
  nsPids?: string;
  cmdline?: string;
  comm?: string;
  state?: string;
  cgroup?: string;
}

/** A folder that looks like /proc, with ourselves at pid 50 below 40 below 1. */
class FakeProc {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-proc-'));
  readonly roots: LinuxRoots = {
    proc: path.join(this.root, 'proc'),
    sharedMemory: path.join(this.root, 'shm'),
    passwd: path.join(this.root, 'passwd'),
    devices: path.join(this.root, 'dev'),
  };
  readonly killed: string[] = [];

  constructor(selfPid = 50) {
    this.write('passwd', 'root:x:0:0::/:/bin/sh\nme:x:1000:1000::/:/bin/sh\n');
    this.write('proc/stat', 'cpu 1 2\nbtime 1700000000\n');
    this.write('proc/sys/kernel/random/boot_id', `${BOOT}\n`);
    fs.mkdirSync(this.roots.sharedMemory);
    fs.symlinkSync(String(selfPid), path.join(this.roots.proc, 'self'));
    this.row({ pid: 1, ppid: 0, comm: 'systemd', uid: 0 });
    this.row({ pid: 40 });
    this.row({ pid: 50, ppid: 40 });
    fs.mkdirSync(path.join(this.roots.proc, '50', 'ns'));
    fs.symlinkSync('pid:[4026531836]', path.join(this.roots.proc, '50', 'ns', 'pid'));
  }

  row({
    pid,
    ppid = 1,
    start = 100,
    uid = 1000,
    nsPids = String(pid),
    cmdline = 'python\0x.py\0',
    comm = 'python',
    state = 'S',
    cgroup = '0::/\n',
  }: FakeRow): void {
    this.write(
      `proc/${pid}/stat`,
      `${pid} (${comm}) ${state} ${ppid} ${pid} ${pid} 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 ${start} 0 0\n`,
    );
    this.write(
      `proc/${pid}/status`,
      `Name:\t${comm}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nNSpid:\t${nsPids}\n`,
    );
    this.write(`proc/${pid}/cmdline`, cmdline);
    this.write(`proc/${pid}/cgroup`, cgroup);
  }

  kernel(release: string): void {
    this.write('proc/sys/kernel/osrelease', `${release}\n`);
  }

  table(): ReturnType<typeof openLinuxProcessTable> {
    return openLinuxProcessTable(this.roots, {
      pid: 50,
      uid: 1000,
      kill: (pid, signal) => void this.killed.push(`${signal} ${pid}`),
    });
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  private write(file: string, text: string): void {
    const full = path.join(this.root, file);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, text);
  }
}

describe('linuxProcessTable on a made-up /proc', () => {
  let proc: FakeProc;
  beforeEach(() => (proc = new FakeProc()));
  afterEach(() => proc.remove());

  it('reads who, whose, since when and where', async () => {
    const id = 'ab'.repeat(32);
    proc.row({
      pid: 200,
      ppid: 40,
      start: 12_345,
      nsPids: '200 7',
      cgroup: `0::/docker/${id}\n`,
      cmdline: 'VLLM::EngineCore\0\0\0',
      comm: 'VLLM::EngineCor',
    });
    const process = await proc.table().one(200);
    assert.deepEqual(process, {
      pid: 200,
      startTime: '12345',
      bootId: BOOT,
      ppid: 40,
      pgid: 200,
      sid: 200,
      uid: 1000,
      user: 'me',
      state: 'S',
      comm: 'VLLM::EngineCor',
      args: ['VLLM::EngineCore'],
      startedAtMs: 1_700_000_123_450,
      containerId: id,
      sameNamespace: false,
    });
    assert.equal((await proc.table().one(40))?.sameNamespace, true);
    assert.equal(await proc.table().one(999), null);
  });

  it('reads all, or some with their ancestors', async () => {
    proc.row({ pid: 200, ppid: 40 });
    proc.row({ pid: 300, ppid: 200, state: 'Z' });
    const table = proc.table();
    const pids = (rows: readonly { pid: number }[]): number[] =>
      rows.map(({ pid }) => pid).sort((a, b) => a - b);
    assert.deepEqual(pids(await table.all()), [1, 40, 50, 200, 300]);
    assert.deepEqual(pids(await table.withAncestors([300, 999])), [1, 40, 200, 300]);
    assert.deepEqual((await table.self()).protectedPids, [50, 40, 1]);
    assert.equal((await table.self()).inContainer, false);
    assert.equal((await table.self()).system, 'linux');
    proc.kernel('6.6.87.2-microsoft-standard-WSL2');
    assert.equal((await table.self()).system, 'wsl');
    assert.deepEqual((await table.one(300))?.args, []);
  });

  it('signals nobody but the one who was meant', async () => {
    proc.row({ pid: 200, start: 777 });
    const table = proc.table();
    const target = identityOf((await table.one(200))!);
    proc.row({ pid: 200, start: 778 });
    assert.equal(await table.signal(target, 'SIGTERM'), 'changed');
    proc.row({ pid: 200, start: 777 });
    assert.equal(await table.signal({ ...target, bootId: 'another boot' }, 'SIGTERM'), 'changed');
    proc.row({ pid: 200, start: 777, state: 'Z' });
    assert.equal(await table.signal(target, 'SIGTERM'), 'gone');
    proc.row({ pid: 200, start: 777, nsPids: '200 3' });
    assert.equal(await table.signal(target, 'SIGTERM'), 'refused');
    // also where the one who was looked at has become another user's meanwhile, by running a setuid program
    proc.row({ pid: 200, start: 777, uid: 1001 });
    assert.equal(await table.signal(target, 'SIGTERM'), 'refused');
    for (const pid of [1, 40, 50, 0, -1, -200])
      assert.equal(await table.signal({ ...target, pid }, 'SIGKILL'), 'refused', String(pid));
    assert.deepEqual(proc.killed, []);
    proc.row({ pid: 200, start: 777 });
    assert.equal(await table.signal(target, 'SIGINT'), 'sent');
    assert.deepEqual(proc.killed, ['SIGINT 200']);
    fs.rmSync(path.join(proc.roots.proc, '200'), { recursive: true });
    assert.equal(await table.signal(target, 'SIGINT'), 'gone');
  });

  it('trusts no /proc of another namespace', async () => {
    proc.remove();
    proc = new FakeProc(4711); // /proc/self names another number than ours: the host's /proc, mounted here
    proc.row({ pid: 200 });
    const process = (await proc.table().one(200))!;
    assert.equal(process.sameNamespace, false);
    assert.equal(await proc.table().signal(identityOf(process), 'SIGTERM'), 'refused');
    assert.deepEqual(proc.killed, []);
  });
});

const onLinux = process.platform === 'linux' ? describe : describe.skip;
const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

onLinux('linuxProcessTable on the real /proc', function () {
  this.timeout(20_000);
  const table = openProcessTable();

  it('sees this very process', async () => {
    const [self, facts] = [await table.one(process.pid), await table.self()];
    assert.ok(self);
    assert.equal(self.ppid, process.ppid);
    assert.equal(self.uid, process.getuid?.());
    assert.equal(self.sameNamespace, true);
    assert.ok(Math.abs((self.startedAtMs ?? 0) - (Date.now() - process.uptime() * 1000)) < 5000);
    assert.deepEqual(facts.protectedPids.slice(0, 2), [process.pid, process.ppid]);
    assert.equal(await table.signal(identityOf(self), 'SIGKILL'), 'refused');
    const all = await table.all();
    assert.ok(all.some(({ pid }) => pid === process.pid));
  });

  it('finds ports, our mark, and shared memory by file, not by name', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    assert.ok((await table.listeningPorts(process.pid)).includes(port));
    server.close();
    const file = `/dev/shm/psm_${randomBytes(4).toString('hex')}`;
    fs.writeFileSync(file, 'x');
    const child = spawn('sh', ['-c', `exec 7<${file}; echo ok; exec sleep 30`], {
      env: { ...process.env, [LAUNCH_MARK]: 'L7' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      // while the shell becomes sleep, the environment reads as empty for a moment
      let mark: string | null = null;
      for (let look = 0; look < 100 && mark === null; look++) {
        mark = await table.environmentValue(child.pid!, LAUNCH_MARK);
        if (mark === null) await new Promise((next) => setTimeout(next, 20));
      }
      assert.equal(mark, 'L7');
      assert.equal(await table.environmentValue(child.pid!, 'VRAM_PILOT'), null);
      const [found, ...more] = await table.sharedMemory(child.pid!);
      assert.ok(found);
      assert.deepEqual([found.path, more], [file, []]);
      assert.equal(await table.holdsGpuDevice(child.pid!), false);
      fs.renameSync(file, `${file}.old`);
      fs.writeFileSync(file, 'somebody else');
      assert.deepEqual(
        await table.sharedMemory(child.pid!).then((files) => files.map(({ path: name }) => name)),
        [`${file}.old`],
      );
      assert.equal(await table.removeSharedMemory(found), false, 'another file of that name');
      assert.equal(await table.removeSharedMemory({ ...found, path: '/etc/hostname' }), false);
      fs.renameSync(`${file}.old`, file);
      assert.equal(await table.removeSharedMemory(found), true);
      assert.equal(fs.existsSync(file), false);
    } finally {
      child.kill('SIGKILL');
      fs.rmSync(file, { force: true });
      fs.rmSync(`${file}.old`, { force: true });
    }
  });

  it('stops a stubborn tree of real processes by its recipe, and cleans up behind it', async () => {
    const sharedMemoryFile = `/dev/shm/psm_${randomBytes(4).toString('hex')}`;
    const tree = await plantStandInTree(table, { stubborn: true, sharedMemoryFile });
    try {
      const outcome = await stopLaunch({ table, clock: openClock(), log: silent }, tree.record, [
        { target: 'main', signal: 'SIGINT', waitMs: 400, why: 'ask' },
        { target: 'engine', signal: 'SIGTERM', waitMs: 400, why: 'ask the engine' },
        { target: 'all', signal: 'SIGKILL', waitMs: 3000, why: 'force' },
      ]);
      assert.ok(outcome.gone, JSON.stringify(outcome.survivors));
      assert.deepEqual(
        outcome.signalled.slice(0, 2).map(({ process: { pid }, signal }) => [pid, signal]),
        [
          [tree.main.pid, 'SIGINT'],
          [tree.engine.pid, 'SIGTERM'],
        ],
      );
      assert.equal(outcome.removedSharedMemory, 1);
      assert.equal(fs.existsSync(sharedMemoryFile), false);
      for (const { pid, startTime } of [tree.engine, tree.worker]) {
        const left = await table.one(pid);
        assert.ok(!left || left.state === 'Z' || left.startTime !== startTime);
      }
    } finally {
      await tree.cleanUp();
      fs.rmSync(sharedMemoryFile, { force: true });
    }
  });

  it('finds what a killed server leaves behind, and ends it at the user’s wish only', async () => {
    const tree = await plantStandInTree(table);
    let usedBytes = 10 * 2 ** 30;
    const gpu = completeGpu(0, {});
    const row = { pid: tree.worker.pid, usedBytes: 4 * 2 ** 30, name: 'VLLM::Worker', gpus: [0] };
    const clock = openClock();
    const deps: CleanerDeps = {
      // a stand-in has no GPU device open, which in a container would mean that the tool speaks of another process
      table: { ...table, holdsGpuDevice: () => Promise.resolve(null) },
      clock,
      log: silent,
      files: openFiles(),
      sampleGpus: async () => {
        const worker = await table.one(tree.worker.pid);
        const alive = worker?.startTime === tree.worker.startTime && worker.state !== 'Z';
        if (!alive) usedBytes = 6 * 2 ** 30;
        return { gpus: [{ ...gpu, usedBytes }], processes: alive ? [row] : [], problems: [] };
      },
      launches: () => [{ record: tree.record, origin: 'ours' }],
    };
    try {
      assert.equal((await inspectHolders(deps))[0]?.class, 'ourServer');
      await table.signal(identityOf(tree.main), 'SIGKILL');
      while ((await table.one(tree.main.pid))?.startTime === tree.main.startTime)
        await clock.sleep(20);
      const stranger = { ...deps, launches: () => [] };
      const young = (await inspectHolders(stranger))[0]!;
      assert.deepEqual([young.class, young.canEnd], ['orphanedWorker', false], young.reason);
      assert.match(young.reason, /younger than a minute/);
      const later = { ...stranger, clock: { ...clock, now: () => Date.now() + 120_000 } };
      assert.equal((await inspectHolders(later))[0]?.class, 'orphanedWorker');
      const holders = await inspectHolders(deps);
      assert.deepEqual(
        holders
          .filter(({ canEnd }) => canEnd)
          .map(({ pid }) => pid)
          .sort(),
        [tree.engine.pid, tree.worker.pid].sort(),
      );
      const outcome = await endHolders(deps, [tree.worker.pid], { shown: holders });
      assert.deepEqual([...outcome.ended].sort(), [tree.engine.pid, tree.worker.pid].sort());
      assert.equal(outcome.freedBytes, 4 * 2 ** 30);
    } finally {
      await tree.cleanUp();
    }
  });
});

describe('a system without a process table', () => {
  it('sees nobody and signals nobody', async () => {
    const table = openProcessTable('freebsd');
    assert.deepEqual(await table.all(), []);
    assert.equal(
      await table.signal({ pid: 4711, startTime: '1', bootId: '' }, 'SIGKILL'),
      'refused',
    );
  });
});
