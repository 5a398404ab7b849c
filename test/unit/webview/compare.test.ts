import assert from 'node:assert/strict';
import { GIB } from '../../../src/shared/units';
import type { Wish } from '../../../src/shared/wish';
import { compareRows, type CompareRow } from '../../../webview/compare';
import { pricePin, priceWish } from '../../../webview/planning';
import { snapshot } from './samples';

const MODEL = 'Qwen/Qwen3-8B';
const vllm: Wish = {
  engine: 'vllm',
  model: MODEL,
  options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192 },
  extraArguments: [],
  port: null,
};
const ollama: Wish = {
  engine: 'ollama',
  model: 'qwen3:8b',
  options: { numCtx: 8192 },
  extraArguments: [],
  port: null,
  keepAlive: 300,
};
const facts = { name: MODEL, weightsBytes: 16_381_470_720, parameterCount: 8_190_735_360 };
const here = snapshot({
  model: { id: MODEL, facts, longestContext: 40960, problem: null },
  wish: vllm,
});

const rowsOf = (kept: Wish, now: Wish): Record<string, CompareRow> => {
  const compared = (wish: Wish) => ({ wish, priced: priceWish(wish, here) });
  const rows = compareRows(compared(kept), compared(now));
  return Object.fromEntries(rows.map((row) => [row.key, row]));
};
const values = (row: CompareRow | undefined) => [row?.kept, row?.now];

describe('two settings side by side', () => {
  it('name the settings that differ, and no others', () => {
    const now = {
      ...vllm,
      options: { ...vllm.options, gpuMemoryUtilization: 0.9, enforceEager: true },
    };
    const rows = rowsOf(vllm, now);
    assert.deepEqual(values(rows.gpuMemoryUtilization), ['0.85', '0.90']);
    assert.deepEqual(values(rows.enforceEager), ['engine default', 'on']);
    for (const same of ['engine', 'model', 'maxModelLen', 'extraArguments', 'port', 'keepAlive'])
      assert.equal(rows[same], undefined, same);
  });

  it('give the results of both, from the same planner', () => {
    const now = { ...vllm, options: { ...vllm.options, gpuMemoryUtilization: 0.9 } };
    const rows = rowsOf(vllm, now);
    assert.deepEqual(values(rows.verdict), ['! Tight', '! Tight'], 'sizes alone leave a range');
    assert.equal(rows.weights?.differs, false);
    assert.equal(rows.pool?.differs, true);
    const [before, after] = values(rows.tokens).map((text) => Number(text?.replaceAll(',', '')));
    assert.ok(before !== undefined && after !== undefined && after > before);
    const plan = priceWish(now, here).plan;
    assert.equal(rows.left?.now, `${((plan.perGpu[0]?.leftBytes ?? 0) / GIB).toFixed(2)} GiB`);
    assert.equal(rows.smallest?.differs, false);
  });

  it('work across engines', () => {
    const rows = rowsOf(vllm, ollama);
    assert.deepEqual(values(rows.engine), ['vLLM', 'Ollama']);
    assert.deepEqual(values(rows.keepAlive), ['for ever', '5 min idle']);
    assert.equal(rows.smallest?.now, '–');
    assert.match(rows.weights?.now ?? '', /GiB$/);
  });

  it('say nothing of what could not be priced', () => {
    const rows = compareRows(
      { wish: vllm, priced: null },
      { wish: vllm, priced: priceWish(vllm, here) },
    );
    assert.ok(rows.length > 0);
    assert.ok(rows.every(({ kept }) => kept === '–'));
  });
});

describe('the price of a kept wish', () => {
  const pin = { wish: vllm, facts, learned: [] };

  it('is that of the wish itself while its model is the chosen one', () => {
    assert.deepEqual(pricePin({ ...pin, facts: null }, here), priceWish(vllm, here));
  });

  it('keeps the facts of its model after another was chosen', () => {
    const elsewhere = snapshot({
      wish: ollama,
      model: { id: 'qwen3:8b', facts: { name: 'qwen3:8b' }, longestContext: null, problem: null },
    });
    assert.deepEqual(pricePin(pin, elsewhere).plan, priceWish(vllm, here).plan);
    assert.equal(pricePin({ ...pin, facts: null }, elsewhere).plan.basis, 'name');
  });

  it('follows the memory that is free now', () => {
    const [gpu] = here.gpus;
    assert.ok(gpu);
    const busy = { ...here, gpus: [{ ...gpu, freeBytes: 4 * GIB }] };
    assert.equal(pricePin(pin, here).plan.verdict, 'tight');
    assert.equal(pricePin(pin, busy).plan.verdict, 'doesNotFit');
  });
});
