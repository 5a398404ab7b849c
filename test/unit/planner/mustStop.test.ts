import assert from 'node:assert/strict';
import { plan } from '../../../src/planner/plan';
import type { PlanRequest, RunningServer } from '../../../src/shared/planRequest';
import { GIB } from '../../../src/shared/units';
import { llama8b } from '../../fixtures/planner/configs';
import { llama8bGguf } from '../../fixtures/planner/ggufs';

const server = (id: string, gib: number, more: Partial<RunningServer> = {}): RunningServer => ({
  id,
  title: `server ${id}`,
  usedBytes: gib * GIB,
  gpus: [0],
  ours: true,
  idle: null,
  ...more,
});

const TOTAL = 24 * GIB;

/** Llama 8B wants some 18 GiB; `freeGib` are left beside what runs. */
function planned(running: RunningServer[], freeGib: number, over: Partial<PlanRequest> = {}) {
  return plan({
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: { name: 'someone/llama', config: llama8b },
    gpus: [{ name: null, totalBytes: TOTAL, freeBytes: freeGib * GIB, memory: 'dedicated' }],
    options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192 },
    running,
    ...over,
  });
}

const ids = (answer: ReturnType<typeof plan>): string[] =>
  (answer.mustStop?.servers ?? []).map(({ id }) => id);

describe('what must stop so that this fits', () => {
  it('is nothing where it fits, or where nobody runs', () => {
    assert.equal(planned([server('a', 1)], 23.5).mustStop ?? null, null);
    assert.equal(planned([], 4).mustStop ?? null, null);
  });

  it('is the one server that is enough, not the two that would be as well', () => {
    const answer = planned([server('a', 3), server('b', 3), server('c', 16)], 6);
    assert.deepEqual(ids(answer), ['c']);
    assert.equal(answer.mustStop?.verdictAfter, 'fits');
    assert.equal(answer.mustStop.freesBytes, 16 * GIB);
    assert.match(answer.steps.at(-2) ?? '', /Stop server c \(16\.00 GiB\) and it fits/);
    assert.match(answer.steps.at(-1) ?? '', /^Verdict: /);
  });

  it('takes idle ones before busy ones, and the smaller of two that are alike', () => {
    const busy = server('busy', 16, { idle: false });
    const idle = server('idle', 17, { idle: true });
    assert.deepEqual(ids(planned([busy, idle], 6)), ['idle']);
    assert.deepEqual(ids(planned([server('a', 18), server('b', 16)], 6)), ['b']);
  });

  it('never takes a pinned or a foreign one, but names them', () => {
    const pinned = server('pinned', 16, { pinned: true });
    const foreign = server('pid-7', 16, { ours: false, title: 'PID 7: python' });
    const answer = planned([pinned, foreign, server('a', 1)], 6);
    assert.deepEqual(ids(answer), []);
    assert.ok(answer.mustStop);
    assert.deepEqual(
      answer.mustStop.others.map(({ title }) => title),
      ['server pinned', 'PID 7: python'],
    );
    assert.match(answer.mustStop.text, /not enough.*PID 7: python \(16\.00 GiB\)/);
  });

  it('says nothing where all the memory of the card would not help', () => {
    const answer = planned([server('a', 16)], 6, {
      options: { gpuMemoryUtilization: 0.5, maxModelLen: 8192 },
    });
    assert.equal(answer.verdict, 'doesNotFit');
    assert.equal(answer.mustStop ?? null, null);
  });

  it('is enough: with that much free the plan has the verdict that was promised', () => {
    for (let gib = 1; gib < 20; gib++) {
      const running = [server('a', 2), server('b', 5), server('c', 7), server('d', 9)];
      const answer = planned(running, gib);
      const { mustStop } = answer;
      if (!mustStop || mustStop.servers.length === 0) continue;
      const after = planned([], gib + mustStop.freesBytes / GIB);
      assert.equal(after.verdict, mustStop.verdictAfter);
      // One server less is not enough.
      for (const one of mustStop.servers) {
        const less = gib + (mustStop.freesBytes - one.usedBytes) / GIB;
        assert.notEqual(planned([], less).verdict, mustStop.verdictAfter);
      }
    }
  });

  it('looks at the GPUs that the plan takes', () => {
    const gpu = (freeGib: number) => ({
      name: null,
      totalBytes: TOTAL,
      freeBytes: freeGib * GIB,
      memory: 'dedicated' as const,
    });
    const running = [
      server('zero', 16),
      server('one', 16, { gpus: [1] }),
      server('both', 34, { gpus: [0, 1] }),
    ];
    const onOne = planned(running, 0, {
      gpus: [gpu(23), gpu(6)],
      options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192, visibleDevices: [1] },
    });
    assert.deepEqual(ids(onOne), ['one']);
    const onBoth = planned(running, 0, {
      gpus: [gpu(6), gpu(6)],
      options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192, tensorParallelSize: 2 },
    });
    assert.deepEqual(ids(onBoth), ['both']);
  });

  it('works for Ollama, and for more servers than sets could be tried', () => {
    const many = Array.from({ length: 40 }, (_, index) => server(`s${String(index)}`, 0.5));
    const answer = planned(many, 4);
    assert.ok(ids(answer).length >= 30);
    const ollama = plan({
      engine: 'ollama',
      engineVersion: '0.12.0',
      model: {
        name: 'llama3.1:8b',
        gguf: llama8bGguf,
      },
      gpus: [{ name: null, totalBytes: TOTAL, freeBytes: 2 * GIB, memory: 'dedicated' }],
      options: { numCtx: 8192 },
      running: [server('a', 1), server('b', 12)],
    });
    assert.deepEqual(ids(ollama), ['b']);
  });
});
