/** The sampler with a real tool process: the stand-in for nvidia-smi. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSampler } from '../../../../src/app/gpus/sampler';
import { nvidiaSource } from '../../../../src/gpu/nvidia/source';
import { openSystem } from '../../../../src/system/openSystem';
import { inFull } from '../../../support/effort';
import { createFakeGpu, type FakeGpu } from '../../../support/fakeGpu.mjs';
import { fakeContext } from '../../../support/fakePorts';

const linuxOnly = process.platform === 'linux' ? describe : describe.skip;

linuxOnly('sampler of a real tool', () => {
  let folder: string;
  let gpu: FakeGpu;
  let over: AbortController;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-sampler-'));
    gpu = createFakeGpu(folder);
    over = new AbortController();
  });
  afterEach(async () => {
    over.abort();
    await sleep(100);
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Tools of ours that run on. */
  const loops = () =>
    fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        const read = (file: string) => {
          try {
            return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
          } catch {
            return '';
          }
        };
        return read('cmdline').includes('-lms') && read('environ').includes(folder);
      });

  async function until(what: string, limitMs: number, isTrue: () => boolean): Promise<number> {
    const startMs = performance.now();
    while (!isTrue()) {
      if (performance.now() - startMs > limitMs)
        throw new Error(`not within ${limitMs} ms: ${what}`);
      await sleep(20);
    }
    return performance.now() - startMs;
  }

  it('follows one tool that runs on, recovers from its hanging in ten seconds (in full), and leaves none', async function () {
    this.timeout(60_000);
    const { exec, files, clock } = openSystem();
    const { store, log } = fakeContext();
    const sampler = createSampler(
      { exec, files, clock, log, store, families: () => [{ vendor: null, ways: [nvidiaSource] }] },
      {
        intervalMs: () => 200,
        warnPercent: () => 85,
        executable: () => gpu.executable,
        isWatched: () => true,
      },
    );
    const running = sampler.run(over.signal);
    const usedMiB = () => (store.state().gpu.sample?.gpus[0]?.usedBytes ?? 0) / 2 ** 20;
    const shows = (used: number, limitMs: number) =>
      until(`${used} MiB`, limitMs, () => usedMiB() === used);
    await until('a tool runs on', 10_000, () => loops().length === 1);
    const [first] = loops();
    for (const used of [1_000, 2_000, 3_000]) {
      gpu.setState({ gpus: [{ ...gpu.state().gpus[0], usedMiB: used } as never] });
      await shows(used, 5_000);
    }
    assert.deepEqual(loops(), [first]);

    if (inFull(true, false)) {
      gpu.setState({ mode: 'hang' });
      await sleep(1_000);
      gpu.setState({ mode: 'ok', gpus: [{ ...gpu.state().gpus[0], usedMiB: 4_000 } as never] });
      // the one that hung stays so; nothing tells but its silence
      const tookMs = await shows(4_000, 10_000);
      assert.ok(tookMs < 10_000, `${tookMs} ms`);
      assert.ok(!loops().includes(first ?? ''));
    }

    over.abort();
    await running;
    await until('none runs on', 2_000, () => loops().length === 0);
  });
});
