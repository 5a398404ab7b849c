import assert from 'node:assert/strict';
import { startCheck } from '../../../src/planner/plan';
import type { GpuRequest, PlanRequest } from '../../../src/shared/planRequest';
import { GIB } from '../../../src/shared/units';
import { findShortfall } from '../../../webview/shortfall';
import { verdictSentence } from '../../../webview/verdictSentence';
import { CARD_BYTES, samplePlan } from './samples';

const holders = [
  { pid: 353996, label: 'python3', usedBytes: 4.7 * GIB, gpus: [0] },
  { pid: 900, label: '', usedBytes: 0.3 * GIB, gpus: [0] },
  { pid: 42, label: 'trainer', usedBytes: 9 * GIB, gpus: [1] },
];
const marks = {
  effective: 0.8,
  smallest: 0.65,
  largest: 0.73,
  recommended: 0.7,
  rule: 'exact' as const,
};
const card = (freeGib: number | null): GpuRequest => ({
  name: 'NVIDIA GeForce RTX 4090',
  totalBytes: CARD_BYTES,
  freeBytes: freeGib === null ? null : freeGib * GIB,
  memory: 'dedicated',
});
const priced = (
  gpus: GpuRequest[],
  utilization: typeof marks | null = marks,
  { engineVersion = '0.11.0', keptBytes = 0 } = {},
) => {
  const request: PlanRequest = {
    engine: 'vllm',
    engineVersion,
    model: { name: 'Qwen/Qwen3-8B' },
    gpus,
    options: { gpuMemoryUtilization: 0.8, tensorParallelSize: gpus.length },
    coexistence: { ollamaReservationBytes: keptBytes, safetyBufferBytes: GIB / 2 },
  };
  return { request, plan: samplePlan({ utilization }) };
};

describe('the warning about memory in use now', () => {
  it('says the arithmetic, the share to choose and who holds the rest', () => {
    const found = findShortfall(priced([card(17.88)]), holders);
    assert.equal(
      found?.text,
      '0.80 × 23.56 GiB = 18.85 GiB wanted, 17.88 GiB free: choose 0.70 (0.75 leaves 0.2 GiB) ' +
        'or free 0.97 GiB (PID 353996 holds 4.7 GiB: python3).',
    );
    assert.equal(found.share, 0.7);
    assert.equal((found.missingBytes / GIB).toFixed(2), '0.97');
  });

  it('says what comes of it: refused, out of memory where no version checks, or started on what is Ollama’s', () => {
    const kindOf = (freeGib: number[], change: { engineVersion?: string; keptBytes?: number }) =>
      findShortfall(priced(freeGib.map(card), marks, change), holders)?.kind;
    const keptBytes = 4 * GIB;
    assert.equal(kindOf([17.88], {}), 'refused');
    assert.equal(kindOf([17.88], { engineVersion: '0.8.5' }), 'runsOut');
    assert.equal(kindOf([22], { keptBytes }), 'takesOllamas');
    assert.equal(kindOf([22], { keptBytes, engineVersion: '0.8.5' }), 'takesOllamas');
    assert.equal(kindOf([17.88], { keptBytes }), 'refused', 'too little without Ollama too');
    assert.equal(kindOf([22, 17.88], { keptBytes }), 'refused', 'on one of two cards');
  });

  it('says the figures of what is kept for Ollama', () => {
    const found = findShortfall(priced([card(22)], marks, { keptBytes: 4 * GIB }), []);
    assert.match(found?.text ?? '', /18\.85 GiB wanted, 18\.00 GiB free beside 4\.00 GiB kept for/);
    assert.equal(
      verdictSentence(samplePlan({ verdict: 'doesNotFit', utilization: marks }), 'vllm', found),
      'It would start, but takes 0.85 GiB that are kept for Ollama.',
    );
  });

  it('is silent when enough is free, when free memory is unknown and when there is no share', () => {
    assert.equal(findShortfall(priced([card(22)]), holders), null);
    assert.equal(findShortfall(priced([card(null)]), holders), null);
    assert.equal(findShortfall(priced([card(17.88)], null), holders), null);
  });

  it('is the planner’s own sentence, for the share from which the plan says the model starts', () => {
    for (const smallest of [0.65, 0.72, 0.78]) {
      const one = priced([card(17.88)], { ...marks, smallest });
      const found = findShortfall(one, []);
      const check = startCheck(one.request, 0.8, smallest);
      assert.equal(found?.text, `${check?.sentence ?? ''}.`);
      assert.equal(found.share, check?.suggested);
    }
  });

  it('offers no share where none would start the model', () => {
    const found = findShortfall(priced([card(17.88)], { ...marks, smallest: 0.78 }), []);
    assert.equal(found?.share, null);
    assert.match(found.text, /free 0\.97 GiB or a smaller model: this one starts from 0\.78\.$/);
  });

  it('names the smallest holder that suffices alone, without a label where there is none', () => {
    // 0.20 GiB are missing for the server's own context
    const found = findShortfall(priced([card(19.1)]), holders);
    assert.match(found?.text ?? '', /or free 0\.20 GiB \(PID 900 holds 0\.3 GiB\)\.$/);
  });

  it('names the largest holder of the card that lacks most where none suffices alone', () => {
    const found = findShortfall(priced([card(17.88), card(4)]), holders);
    const missing = (0.8 * CARD_BYTES) / GIB - 4;
    assert.equal(((found?.missingBytes ?? 0) / GIB).toFixed(2), missing.toFixed(2));
    assert.match(found?.text ?? '', /^GPU 1: .*\(PID 42 holds 9\.0 GiB: trainer\)/);
  });
});
