import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { GpuSample } from '../../../src/gpu/gpu';
import { readNvidiaOutput } from '../../../src/gpu/nvidia/output';
import { nvidiaSource } from '../../../src/gpu/nvidia/source';
import { startState } from '../../../src/gpu/source';
import { MIB } from '../../../src/shared/units';
import { createFakeGpu, type FakeGpu } from '../../support/fakeGpu.mjs';
import { answerOf } from '../../support/nvidiaSmiAnswers.mjs';

type Ask = (gpu: FakeGpu, args: readonly string[]) => { text: string; code: number | null };

const inProcess: Ask = (gpu, args) =>
  answerOf(args, {
    state: gpu.state(),
    statePath: path.join(path.dirname(gpu.executable), 'fakeGpu.json'),
  });

const started: Ask = (gpu, args) => {
  const run = spawnSync(gpu.executable, [...args], { encoding: 'utf8', timeout: 5000 });
  return { text: run.stdout, code: run.status };
};

/** Makes the source's calls for real, as app/ does. */
function look(gpu: FakeGpu, ask = inProcess): GpuSample {
  let state = startState(gpu.executable);
  const wish = { processes: true };
  const files = new Map<string, string>();
  for (let attempt = 0; attempt < 8; attempt++) {
    const outputs = nvidiaSource.calls(state, wish, files).map(({ args }) => {
      const { text, code } = ask(gpu, args);
      return { stdout: text, stderr: '', exitCode: code };
    });
    const reading = nvidiaSource.read(state, { outputs, files, wish });
    if (!reading.retry) return reading.sample;
    state = reading.state;
  }
  throw new Error('no end of retries');
}

const HOLDS_STILL = 'echo 1; read end';

const linuxOnly = process.platform === 'linux' ? describe : describe.skip;

linuxOnly('the stand-in for nvidia-smi', () => {
  let folder: string;
  let children: ChildProcess[];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "fake gpu's "));
    children = [];
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Holds still until its input ends; bears the mark in its environment. */
  async function startMarked(detached: boolean): Promise<number> {
    const child = spawn('/bin/sh', ['-c', HOLDS_STILL], {
      env: { ...process.env, VRAM_PILOT_FAKE_TEST: path.basename(folder) },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached,
    });
    children.push(child);
    await once(child.stdout, 'data');
    assert.ok(child.pid !== undefined);
    return child.pid;
  }

  it('answers what our source asks, and memory moves with its state', () => {
    const gpu = createFakeGpu(folder);
    const before = look(gpu);
    assert.deepEqual(before.problems, []);
    assert.equal(before.gpus[0]?.name, 'NVIDIA GeForce RTX 4090');
    assert.equal(before.gpus[0].usedBytes, 612 * MIB);
    assert.equal(before.gpus[0].freeBytes, (24564 - 612 - 420) * MIB);
    assert.equal(before.gpus[0].computeCapability, '8.9');
    gpu.setState({
      gpus: [{ name: 'A', totalMiB: 8192, usedMiB: 5000 }],
      processes: [{ pid: 353996, usedMiB: 4700, name: 'python' }],
    });
    const after = look(gpu, started);
    assert.equal(after.gpus[0]?.usedBytes, 5000 * MIB);
    assert.equal(after.gpus[0].powerW, null);
    assert.deepEqual(after.processes, [
      { pid: 353996, usedBytes: 4700 * MIB, name: 'python', gpus: [0] },
    ]);
  });

  it('counts a live process with the mark, and no longer once it ended', async () => {
    const gpu = createFakeGpu(folder, {
      holders: [
        {
          usedMiB: 4700,
          mark: { name: 'VRAM_PILOT_FAKE_TEST', value: path.basename(folder) },
        },
      ],
    });
    assert.deepEqual(look(gpu).processes, []);
    const pid = await startMarked(false);
    const busy = look(gpu);
    assert.deepEqual(
      busy.processes.map((process) => [process.pid, process.usedBytes]),
      [[pid, 4700 * MIB]],
    );
    assert.equal(busy.gpus[0]?.usedBytes, (612 + 4700) * MIB);
    children[0]!.kill('SIGKILL');
    await once(children[0]!, 'exit');
    assert.equal(look(gpu).gpus[0]?.usedBytes, 612 * MIB);
  });

  it('still finds the group of a mark whose bearer is dead', async () => {
    const value = path.basename(folder);
    const gpu = createFakeGpu(folder, {
      holders: [{ usedMiB: 300, mark: { name: 'VRAM_PILOT_FAKE_TEST', value } }],
    });
    // The leader bears the mark, its child in the same group does not, as an engine that overwrote its environment.
    const script = 'env -i sleep 8 & echo $!; wait';
    const leader = spawn('/bin/sh', ['-c', script], {
      env: { ...process.env, VRAM_PILOT_FAKE_TEST: value },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    children.push(leader);
    const [said] = (await once(leader.stdout, 'data')) as [Buffer];
    const orphan = Number(said.toString());
    try {
      const pids = () => look(gpu).processes.map((process) => process.pid);
      assert.deepEqual(new Set(pids()), new Set([leader.pid, orphan]));
      leader.kill('SIGKILL');
      await once(leader, 'exit');
      assert.deepEqual(pids(), [orphan]);
    } finally {
      process.kill(orphan, 'SIGKILL');
    }
  });

  it('finds processes by their command line', async () => {
    const pid = await startMarked(true);
    const gpu = createFakeGpu(folder, {
      holders: [{ usedMiB: 10, commandIncludes: HOLDS_STILL, pid }],
    });
    assert.deepEqual(
      look(gpu).processes.map((process) => process.pid),
      [pid],
    );
  });

  it('refuses fields as an old driver does', () => {
    const gpu = createFakeGpu(folder, { invalidFields: ['compute_cap', 'memory.reserved'] });
    const sample = look(gpu);
    assert.equal(sample.gpus[0]?.usedBytes, 612 * MIB);
    assert.equal(sample.gpus[0].computeCapability, null);
    assert.equal(sample.gpus[0].reservedBytes, null);
  });

  it('fails as the real tool fails', () => {
    const gpu = createFakeGpu(folder);
    const idsIn = (mode: 'vanish' | 'noDevices' | 'lostGpu' | 'driverMismatch') => {
      gpu.setState({ mode });
      return look(gpu).problems.map((problem) => problem.id);
    };
    assert.deepEqual(idsIn('vanish'), ['driver_not_loaded']);
    assert.equal(started(gpu, ['-L']).code, 9);
    assert.deepEqual(idsIn('noDevices'), ['no_devices']);
    assert.deepEqual(idsIn('lostGpu'), ['gpu_lost']);
    assert.deepEqual(idsIn('driverMismatch'), ['driver_library_mismatch']);
    gpu.setState({ mode: 'notAvailable' });
    assert.equal(look(gpu).gpus[0]?.memory, 'unified');
  });

  it('can hang, and be slow', () => {
    const gpu = createFakeGpu(folder, { mode: 'hang' });
    const hung = spawnSync(gpu.executable, ['-L'], { timeout: 400, killSignal: 'SIGKILL' });
    assert.equal(hung.signal, 'SIGKILL');
    gpu.setState({ mode: 'slow', delayMs: 300 });
    const begin = Date.now();
    execFileSync(gpu.executable, ['-L']);
    assert.ok(Date.now() - begin >= 300);
  });

  it('prints -L and the table in the real form', () => {
    const gpu = createFakeGpu(folder, {
      gpus: [
        { name: 'NVIDIA A', totalMiB: 81559, usedMiB: 9, powerW: 61, powerLimitW: 300 },
        { name: 'NVIDIA B', totalMiB: 8192, temperatureC: 40 },
      ],
      processes: [{ pid: 7, usedMiB: 5, name: 'python', gpu: 1 }],
    });
    const run = (...args: string[]) => inProcess(gpu, args).text;
    const listed = readNvidiaOutput(run('-L'));
    assert.deepEqual(
      listed.gpus.map((each) => each.name),
      ['NVIDIA A', 'NVIDIA B'],
    );
    const text = run();
    for (const line of text.split('\n').filter((each) => each !== ''))
      assert.equal(line.length, 91, line);
    const { gpus, processes } = readNvidiaOutput(text);
    assert.deepEqual(
      gpus.map((each) => [each.name, each.usedBytes, each.totalBytes, each.powerW]),
      [
        ['NVIDIA A', 9 * MIB, 81559 * MIB, 61],
        ['NVIDIA B', 0, 8192 * MIB, null],
      ],
    );
    assert.deepEqual(
      processes.map((each) => [each.pid, each.usedBytes, each.gpus]),
      [[7, 5 * MIB, [1]]],
    );
  });
});
