import assert from 'node:assert/strict';
import { remember, sparkline, type HistoryEntry } from '../../../src/gpu/history';
import { keepSame } from '../../../src/gpu/sameSample';
import { fullInMs, growthOf } from '../../../src/gpu/trend';
import { GIB, gpuOf, sampleOf } from '../../support/fakePorts';
import { seededRandom } from '../../support/seededRandom';

/** Pid → bytes, at each sample; null: the tool doesn't say. */
type Held = Readonly<Record<number, number | null>>;

function past(
  count: number,
  usedBytes: (at: number) => number | null,
  held: (at: number) => Held = () => ({}),
  everyMs = 2_000,
): HistoryEntry[] {
  const entries: HistoryEntry[] = [];
  for (let at = 0; at < count; at++) {
    const processes = Object.entries(held(at)).map(([pid, bytes]) => ({
      pid: Number(pid),
      usedBytes: bytes,
      name: 'python',
      gpus: [0],
    }));
    const sample = sampleOf({ gpus: [gpuOf({ usedBytes: usedBytes(at) })], processes });
    remember(entries, sample, { atMs: at * everyMs, elapsedMs: at * everyMs });
  }
  return entries;
}

describe('history of a GPU', () => {
  it('is bounded: 450 samples and fifteen minutes, over 24 hours', () => {
    const entries = past(43_200, (at) => (at % 97) * 2 ** 20);
    assert.equal(entries.length, 450);
    assert.ok((entries.at(-1)?.elapsedMs ?? 0) - (entries[0]?.elapsedMs ?? 0) <= 900_000);
    const rare = past(100, () => GIB, undefined, 60_000);
    assert.equal(rare.length, 16);
  });

  it('shares what does not change', () => {
    const [first, second] = past(
      2,
      () => GIB,
      () => ({ 7: GIB }),
    );
    assert.equal(first?.gpus, second?.gpus);
    assert.equal(first?.processes, second?.processes);
  });

  it('draws the most of each minute, and a dot for one that nobody watched', () => {
    const entries = past(90, (at) => (at < 30 ? 0 : at < 60 ? 12 * GIB : 24 * GIB));
    assert.equal(sparkline(entries, 0), '▁▅█');
    assert.equal(
      sparkline(
        past(20, () => GIB),
        0,
      ),
      '',
    );
    const gap = [...entries.slice(0, 30), ...entries.slice(60)];
    assert.equal(sparkline(gap, 0), '▁·█');
    assert.equal(
      sparkline(
        past(450, () => null),
        0,
      ),
      '',
    );
    assert.equal(
      sparkline(
        past(450, () => 25 * GIB),
        0,
      ),
      '█'.repeat(15),
    );
    assert.equal(sparkline([], 0), '');
  });
});

describe('growth', () => {
  it('names who grew, by how much and in what time', () => {
    const bytes = (at: number) => Math.min(3, 1 + Math.max(0, at - 20) / 10) * GIB;
    const entries = past(45, bytes, (at) => ({ 7: bytes(at), 8: GIB / 4 }));
    assert.deepEqual(growthOf(entries, 0), [
      { pid: 7, name: 'python', grewBytes: 2 * GIB, overMs: 40_000 },
    ]);
  });

  it('counts from nothing for one that came, and forgets after a minute', () => {
    const held = (at: number): Held => (at < 5 ? {} : { 9: 2 * GIB });
    const used = (at: number) => (at < 5 ? GIB : 3 * GIB);
    assert.deepEqual(growthOf(past(10, used, held), 0), [
      { pid: 9, name: 'python', grewBytes: 2 * GIB, overMs: 2_000 },
    ]);
    assert.deepEqual(growthOf(past(40, used, held), 0), []);
  });

  it('says that nobody is named where the tool names nobody', () => {
    const used = (at: number) => (at < 5 ? GIB : 3 * GIB);
    const [only, ...others] = growthOf(
      past(10, used, () => ({ 9: null })),
      0,
    );
    assert.deepEqual(only, { pid: null, name: null, grewBytes: 2 * GIB, overMs: 2_000 });
    assert.deepEqual(others, []);
  });

  it('is none where one gives back what another takes, or a list was missing for a while', () => {
    const swap = past(
      20,
      () => 8 * GIB,
      (at) => (at < 10 ? { 7: 6 * GIB } : { 8: 6 * GIB }),
    );
    assert.deepEqual(growthOf(swap, 0), []);
    const gap = past(
      20,
      () => 8 * GIB,
      (at) => (at < 10 ? {} : { 7: 6 * GIB }),
    );
    assert.deepEqual(growthOf(gap, 0), []);
    assert.deepEqual(
      growthOf(
        past(20, (at) => GIB + at * 2 ** 20),
        0,
      ),
      [],
    );
    assert.deepEqual(growthOf([], 0), []);
  });
});

describe('time to full', () => {
  it('is told for a steady climb, within a twentieth', () => {
    // 100 MiB in 2 s from 4 GiB: at 10 GiB after 60 samples, 14 GiB are left
    const entries = past(61, (at) => 4 * GIB + at * 100 * 2 ** 20);
    const leftBytes = 20 * GIB - 6_000 * 2 ** 20;
    const expectedMs = (leftBytes / (100 * 2 ** 20)) * 2_000;
    const told = fullInMs(entries, 0) ?? 0;
    assert.ok(Math.abs(told / expectedMs - 1) < 0.05, `${told} of ${expectedMs}`);
  });

  it('is not told for a step, a saw, a flat line, a fall, two samples or an unknown total', () => {
    assert.equal(
      fullInMs(
        past(61, (at) => (at < 30 ? 4 : 20) * GIB),
        0,
      ),
      null,
    );
    assert.equal(
      fullInMs(
        past(61, (at) => (4 + (at % 12)) * GIB),
        0,
      ),
      null,
    );
    assert.equal(
      fullInMs(
        past(61, () => 23 * GIB),
        0,
      ),
      null,
    );
    assert.equal(
      fullInMs(
        past(61, (at) => 20 * GIB - at * 100 * 2 ** 20),
        0,
      ),
      null,
    );
    assert.equal(
      fullInMs(
        past(2, (at) => at * GIB),
        0,
      ),
      null,
    );
    assert.equal(
      fullInMs(
        past(61, () => null),
        0,
      ),
      null,
    );
    // too slow to be of use: 24 h
    assert.equal(
      fullInMs(
        past(61, (at) => 4 * GIB + at * 2 ** 19),
        0,
      ),
      null,
    );
  });

  it('is told in less than one of a hundred courses without a trend', () => {
    let told = 0;
    for (let seed = 1; seed <= 1_000; seed++) {
      const random = seededRandom(seed);
      if (
        fullInMs(
          past(61, () => 8 * GIB + random() * 8 * GIB),
          0,
        ) !== null
      )
        told += 1;
    }
    assert.ok(told <= 10, `${told} of 1000`);
  });
});

describe('a sample that says the same', () => {
  it('keeps its identity, part by part', () => {
    const row = { pid: 1, usedBytes: GIB, name: null, gpus: [0] };
    const before = sampleOf({ processes: [row] });
    assert.equal(keepSame(before, sampleOf({ processes: [{ ...row }] })), before);
    const moved = keepSame(before, sampleOf({ gpus: [gpuOf({ usedBytes: 3 })], processes: [row] }));
    assert.equal(moved.processes, before.processes);
    assert.equal(moved.gpus[0]?.usedBytes, 3);
    const first = sampleOf();
    assert.equal(keepSame(null, first), first);
  });
});
