import assert from 'node:assert/strict';
import { gpuNotes } from '../../../../src/app/gpus/gpuNotes';
import { plannableGpus } from '../../../../src/app/planning/plannableGpus';
import { reduce } from '../../../../src/app/reducer';
import { initialState } from '../../../../src/app/state';
import { settingDefaults } from '../../../../src/app/settings';
import { emptyWish } from '../../../../src/app/planning/wishes';
import type { Gpu, MigDevice } from '../../../../src/gpu/gpu';
import { completeSlice } from '../../../../src/gpu/completeGpu';
import { gpuOf, sampleOf } from '../../../support/fakePorts';
import { GIB, MIB } from '../../../../src/shared/units';

const slice = (gpuInstanceId: number, profile: string, totalGib: number, usedGib: number) =>
  completeSlice({
    gpuInstanceId,
    profile,
    totalBytes: totalGib * GIB,
    usedBytes: usedGib * GIB,
  });

const cut = (migDevices: readonly MigDevice[]): Gpu => ({
  ...gpuOf({ name: 'NVIDIA H100 80GB HBM3', totalBytes: 81559 * MIB }),
  vendor: 'nvidia',
  mig: true,
  migDevices,
});

const SLICES = [
  slice(2, '3g.40gb', 39.5, 10),
  slice(2, '3g.40gb', 39.5, 10),
  slice(3, '1g.10gb', 9.5, 0),
];

describe('notes about a GPU', () => {
  it('say what CUDA sees of a board, and what the driver keeps', () => {
    const board = gpuOf({ name: 'NVIDIA GeForce RTX 4090', totalBytes: 24564 * MIB });
    const [note] = gpuNotes({ ...board, vendor: 'nvidia' });
    assert.equal(note, 'CUDA sees 23.53 GiB of 23.99 GiB: the driver keeps 469 MiB.');
  });

  it('say only what is reserved where CUDA sees all of it, as under WSL', () => {
    const totalBytes = 24564 * MIB;
    const board = gpuOf({ name: 'NVIDIA GeForce RTX 4090', totalBytes, reservedBytes: 388 * MIB });
    assert.deepEqual(gpuNotes({ ...board, vendor: 'nvidia', cudaBytes: totalBytes }), [
      'The driver keeps 388 MiB for itself.',
    ]);
  });

  it('list the slices of a card, each memory once', () => {
    const notes = gpuNotes(cut(SLICES));
    assert.equal(notes.length, 3);
    assert.equal(notes[1], 'slice 3g.40gb: 10.0 GiB of 39.5 GiB used');
  });

  it('explain unified memory and its limit', () => {
    const apple = gpuOf({ name: 'Apple M4', memory: 'unified', totalBytes: 16 * GIB });
    const notes = gpuNotes({ ...apple, limitBytes: 10.7 * GIB, isLimitEstimated: true });
    assert.match(notes.join(' '), /shares the system's memory.*may take about 10\.7 GiB/);
  });

  it('say that a card sleeps', () => {
    assert.match(gpuNotes({ ...gpuOf(), asleep: true }).join(), /sleeps/);
  });
});

describe('GPUs that can be planned on', () => {
  it('are of one maker', () => {
    const gpus: Gpu[] = [
      { ...gpuOf({ index: 0 }), vendor: 'nvidia' },
      { ...gpuOf({ index: 1 }), vendor: 'nvidia' },
      { ...gpuOf({ index: 2 }), vendor: 'amd' },
    ];
    assert.deepEqual(
      plannableGpus(gpus).map(({ index }) => index),
      [0, 1],
    );
  });

  it('are slices where a card is cut: the one with most room', () => {
    const [gpu] = plannableGpus([cut(SLICES)]);
    assert.equal(gpu?.totalBytes, 39.5 * GIB);
    assert.equal(gpu.freeBytes, 29.5 * GIB);
    assert.equal(gpu.usedBytes, 10 * GIB, 'of the slice, not of the card');
    assert.match(gpu.name ?? '', /H100.*MIG 3g\.40gb/);
    // cut, and nobody says how
    assert.equal(plannableGpus([cut([])])[0]?.totalBytes, 81559 * MIB);
  });

  it('carry what CUDA sees, where that is known', () => {
    const [gpu] = plannableGpus([{ ...gpuOf(), cudaBytes: 5 }]);
    assert.equal(gpu?.cudaBytes, 5);
    assert.equal('cudaBytes' in (plannableGpus([gpuOf()])[0] ?? {}), false);
  });
});

describe('pressure on unified memory', () => {
  it('counts everything that is not free, also what no GPU uses', () => {
    const gpu = gpuOf({
      memory: 'unified',
      totalBytes: 120 * GIB,
      usedBytes: GIB,
      freeBytes: 2 * GIB,
    });
    const state = reduce(initialState(emptyWish(settingDefaults())), {
      type: 'sampled',
      sample: sampleOf({ gpus: [gpu] }),
      atMs: 0,
      simulated: false,
      warnPercent: 85,
    });
    assert.equal(state.gpu.pressure[0], 'full');
  });
});
