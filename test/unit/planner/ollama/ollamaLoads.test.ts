/** The planner against recorded loads of Ollama and llama.cpp. */
import assert from 'node:assert/strict';
import {
  compareLoad,
  COMPUTE_NOT_KNOWN,
  ollamaLoads,
  withinRounding,
  type LoadComparison,
} from '../../../support/ollamaLoads';
import { describeWithData } from '../../../support/sharedData';

const gib = (value: number): string => value.toFixed(3);

describeWithData('Ollama planner against recorded loads', () => {
  const cases = ollamaLoads();
  const compared = cases.flatMap((load) => {
    const comparison = compareLoad(load);
    return comparison ? [{ id: load.id, ...comparison }] : [];
  });

  it(`reads all ${String(cases.length)} loads`, () => {
    assert.equal(cases.length, 53);
  });

  it('gives K/V within 2 %, or the rounding of the printed figure', () => {
    const rows = compared.flatMap(({ id, keyValue }) => (keyValue ? [{ id, ...keyValue }] : []));
    const misses = rows
      .filter(
        ({ ours, printed }) =>
          Math.abs(ours - printed) > 0.02 * printed && !withinRounding(ours, printed),
      )
      .map(({ id, ours, printed }) => `${id}: ${gib(ours)} instead of ${gib(printed)} GiB`);
    console.log(
      `      K/V: ${String(rows.length - misses.length)} of ${String(rows.length)} loads`,
    );
    assert.deepEqual(misses, []);
    assert.ok(rows.length >= 27, `only ${String(rows.length)} loads could be checked`);
  });

  it('places layers within one of what Ollama decided, and holds the compute buffer in its range', () => {
    const placed = compared.flatMap(({ id, layers }) => (layers ? [{ id, ...layers }] : []));
    const graphs = compared.flatMap(({ id, compute }) => (compute ? [{ id, ...compute }] : []));
    for (const row of compared) console.log(`      ${textOf(row.id, row)}`);
    const layersOff = placed
      .filter((row) => Math.abs(row.ours - row.printed) > 1)
      .map((row) => row.id);
    const graphOff = graphs.filter((row) => !row.holds).map((row) => row.id);
    console.log(
      `      layers ±1: ${String(placed.length - layersOff.length)} of ${String(placed.length)}; ` +
        `compute in range: ${String(graphs.length - graphOff.length)} of ${String(graphs.length)}`,
    );
    assert.deepEqual(layersOff, []);
    assert.deepEqual(graphOff, [...COMPUTE_NOT_KNOWN]);
    assert.ok(placed.length >= 18 && graphs.length >= 29);
  });
});

function textOf(id: string, { plan, layers, compute }: LoadComparison): string {
  const placed = layers ? ` layers ${String(layers.ours)} / ${String(layers.printed)}` : '';
  const buffer = compute
    ? ` compute ${gib(compute.ours)} [${compute.range.map(gib).join(', ')}] / ${String(compute.printed)}`
    : '';
  return `${id.padEnd(20)} ${plan.engineVersion.padEnd(11)}${placed}${buffer}`;
}
