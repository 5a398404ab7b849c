import assert from 'node:assert/strict';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { GIB } from '../../../../src/shared/units';
import { describeWithData } from '../../../support/sharedData';
import { isStrict, requestOf, startupCases, type StartupCase } from '../../../support/startupCases';

interface Errors {
  readonly list: readonly { id: string; share: number }[];
}

const mean = ({ list }: Errors): number =>
  list.reduce((sum, one) => sum + one.share, 0) / Math.max(1, list.length);
const worst = ({ list }: Errors): number => Math.max(...list.map((one) => one.share));
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
const say = (title: string, errors: Errors): void => {
  const top = errors.list.toSorted((a, b) => b.share - a.share).slice(0, 4);
  const names = top.map((one) => `${one.id} ${percent(one.share)}`).join(', ');
  console.log(
    `      ${title}: ${String(errors.list.length)} cases, mean ${percent(mean(errors))}, worst ${percent(worst(errors))} (${names})`,
  );
};

function poolErrors(cases: readonly StartupCase[], weights: 'given' | 'fromConfig'): Errors {
  return {
    list: cases.flatMap((one) => {
      const total = one.total_gib_per_gpu ?? one.total_gib_hint;
      const logged = one.reported.available_kv_gib;
      if (total === null || logged === null || one.reported.weights_gib === null) return [];
      const planned = planVllm(requestOf(one, weights)).perGpu[0]?.kvCacheBytes ?? 0;
      return [{ id: one.id, share: Math.abs(planned / GIB - Math.max(0, logged)) / total }];
    }),
  };
}

describeWithData('vLLM plans against recorded start-ups', () => {
  const cases = startupCases();
  const strict = cases.filter(isStrict);

  it(`reads the ${String(cases.length)} start-ups, ${String(strict.length)} of them without caveats`, () => {
    assert.ok(cases.length >= 85);
  });

  it('finds the KV pool where the card total was logged, weights given', () => {
    const errors = poolErrors(
      strict.filter((one) => one.total_gib_per_gpu !== null),
      'given',
    );
    say('KV pool, logged totals', errors);
    assert.ok(errors.list.length >= 15);
    assert.ok(mean(errors) <= 0.015);
    assert.ok(worst(errors) <= 0.05);
  });

  it('finds the KV pool with likely totals as well', () => {
    const given = poolErrors(strict, 'given');
    const config = poolErrors(strict, 'fromConfig');
    say('KV pool, all totals, weights given', given);
    say('KV pool, all totals, from the config alone', config);
    assert.ok(mean(given) <= 0.015);
    assert.ok(mean(config) <= 0.015);
  });

  it('finds the activation peak', () => {
    const list = strict.flatMap((one) => {
      const logged = one.reported.activation_peak_gib;
      if (logged === null) return [];
      const planned = planVllm(requestOf(one, 'given')).perGpu[0]?.activationBytes ?? 0;
      return [{ id: one.id, share: Math.abs(planned / GIB - logged) / logged }];
    });
    const ordered = list.toSorted((a, b) => b.share - a.share);
    say('activation', { list: ordered });
    assert.ok(list.length >= 15);
    assert.ok(mean({ list }) <= 0.1);
    // d-030 has less than half the peak of its neighbours from the same document; why is not known.
    assert.ok(mean({ list: list.filter((one) => one.id !== 'd-030') }) <= 0.05);
  });

  it('holds the logged activation peak, graphs and non-torch memory within its ranges', () => {
    let [held, compared] = [0, 0];
    const off: string[] = [];
    for (const one of strict) {
      const { ranges } = planVllm(requestOf(one, 'given'));
      const { activation_peak_gib, non_torch_gib, cudagraph_gib } = one.reported;
      const logged: [string, number | null][] = [
        ['activationBytes', activation_peak_gib],
        ['nonTorchBytes', non_torch_gib],
        // Negative: the allocator gave back more than the graphs took.
        ['graphBytes', cudagraph_gib !== null && cudagraph_gib < 0.02 ? null : cudagraph_gib],
      ];
      for (const [part, gib] of logged) {
        const range = ranges[part];
        if (gib === null || !range) continue;
        compared++;
        if (range[0] <= (gib + 0.005) * GIB && range[1] >= (gib - 0.005) * GIB) held++;
        else off.push(`${one.id} ${part} ${String(gib)}`);
      }
    }
    console.log(`      parts: ${String(held)} of ${String(compared)} hold; off: ${off.join(', ')}`);
    assert.ok(held / compared >= 0.95);
  });

  it('counts tokens and concurrency as logged, given the logged pool', () => {
    let [exact, compared] = [0, 0];
    const off: string[] = [];
    for (const one of strict) {
      const { available_kv_gib: pool, kv_tokens: tokens, max_concurrency: at } = one.reported;
      if (pool === null || pool < 0.5 || (tokens === null && at === null)) continue;
      const { kvCache } = planVllm(requestOf(one, 'given', 'given'));
      // The pool is printed to 0.01 GiB and that decides the last blocks.
      const slack = 0.006 / pool + 0.001;
      const ratio =
        tokens === null
          ? (kvCache.maxConcurrency ?? 0) / (at ?? 1)
          : (kvCache.tokens ?? 0) / tokens;
      compared++;
      if (Math.abs(ratio - 1) <= slack) exact++;
      else off.push(`${one.id} ${ratio.toFixed(3)}`);
    }
    console.log(
      `      tokens: ${String(exact)} of ${String(compared)} within the rounding of the pool; off: ${off.join(', ')}`,
    );
    assert.ok(exact / compared >= 0.9);
  });

  it('holds the logged pool within its ranges', () => {
    let [held, compared] = [0, 0];
    const off: string[] = [];
    for (const one of strict) {
      const logged = one.reported.available_kv_gib;
      const range = planVllm(requestOf(one, 'fromConfig')).ranges.kvCacheBytes;
      if (logged === null || !range || one.reported.weights_gib === null) continue;
      // A total by class alone is no basis for a range of the pool.
      if ((one.total_gib_per_gpu ?? one.total_gib_hint) === null) continue;
      compared++;
      const pool = Math.max(0, logged) * GIB;
      if (range[0] <= pool + 0.02 * GIB && range[1] >= pool - 0.02 * GIB) held++;
      else
        off.push(
          `${one.id} ${range.map((x) => (x / GIB).toFixed(2)).join('..')} not ${String(logged)}`,
        );
    }
    console.log(
      `      ranges: ${String(held)} of ${String(compared)} hold; off: ${off.join(', ')}`,
    );
    assert.ok(held / compared >= 0.95);
  });

  it('never calls a start that ran out of memory a fit', () => {
    const table = new Map<string, number>();
    const wrong: string[] = [];
    for (const one of cases) {
      for (const weights of ['given', 'fromConfig'] as const) {
        const { verdict } = planVllm(requestOf(one, weights));
        const { outcome } = one.reported;
        if (weights === 'given')
          table.set(`${outcome} → ${verdict}`, (table.get(`${outcome} → ${verdict}`) ?? 0) + 1);
        if (outcome !== 'ok' && outcome !== 'failed-other' && verdict === 'fits')
          wrong.push(one.id);
        if (outcome === 'ok' && verdict === 'doesNotFit' && isStrict(one))
          wrong.push(`${one.id} (ok)`);
      }
    }
    for (const [row, count] of [...table].sort()) console.log(`      ${row}: ${String(count)}`);
    assert.deepEqual(wrong, []);
  });
});
