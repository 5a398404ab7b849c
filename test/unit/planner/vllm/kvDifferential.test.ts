/** The planner's KV cache against vLLM's own code, block for block: every committed fact (`npm run facts` makes them). */
import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import {
  amountIn,
  longestThatFits,
  neededBytes,
  type KvLayers,
  type KvLayout,
  type KvSettings,
  type WorkerShare,
} from '../../../../src/planner/vllm/kvCache';
import { demandOf } from '../../../../src/planner/vllm/demand';
import { layoutOf } from '../../../../src/planner/vllm/kvGroups';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { parseVllmVersion, rulesOf } from '../../../../src/planner/vllm/versions';
import type { PlanRequest } from '../../../../src/shared/planRequest';
import {
  FACT_CARDS,
  readModelFacts,
  readSpecFacts,
  type ModelFact,
  type SpecCase,
  type SpecLayer,
  type SpecTold,
} from '../../../support/kvFacts';

type Config = Record<string, unknown>;

const rounded = (value: number): number => Number(value.toPrecision(12));

describe('KV cache from a config.json against vLLM itself', () => {
  const { version, models, facts } = readModelFacts();

  it(`covers ${String(facts.length)} starts of ${String(Object.keys(models).length)} models`, () => {
    console.log(`      vLLM ${version}: ${countedBy(facts, ({ card }) => card)}`);
    assert.ok(facts.length >= 400);
    assert.ok(new Set(facts.map((fact) => fact.model)).size >= 25);
  });

  for (const [name, config] of Object.entries(models)) {
    const own = facts.filter((fact) => fact.model === name);
    it(`${name} (${String(own.length)})`, () => {
      assert.ok(own.length > 0);
      for (const fact of own) {
        const about = JSON.stringify({ card: fact.card, ...fact.options });
        const request = requestOf(fact, config, version);
        assert.deepEqual(planned(request, fact), told(fact, config), about);
      }
    });
  }

  it('reads the same from a text part of a multimodal config', () => {
    for (const [name, config] of Object.entries(models)) {
      const fact = facts.find((each) => each.model === name);
      if (!fact || 'text_config' in config || 'd_model' in config) continue;
      const { architectures, ...text } = config;
      const nested = { architectures, model_type: 'wrapped', text_config: text };
      assert.deepEqual(
        planned(requestOf(fact, nested, version), fact),
        told(fact, config),
        `${name} nested`,
      );
    }
  });
});

/** What vLLM said, in the words of `planned`. */
function told({ cache, inFlightTokens, options }: ModelFact, config: Config): unknown {
  if (cache === null) return null;
  // Where the config names no length the planner looks no further than the one asked for.
  const limit = readHfConfig(config)?.maxLength ?? options.maxModelLen ?? 0;
  return { ...cache, longest: Math.min(cache.longest, limit), inFlightTokens };
}

function planned(request: PlanRequest, fact: ModelFact): unknown {
  const { kv } = demandOf(request);
  const { kvCache } = planVllm(request);
  if (!kv) {
    assert.equal(kvCache.blocks, null);
    return null;
  }
  const { blocks, tokens, maxConcurrency } = kvCache;
  const fits = fact.cache?.inPool != null;
  // The verdict also weighs the card, on which a drawn pool needs no room.
  assert.equal(
    amountIn(kv.layout, kv.settings, [fact.pool]).fits,
    fits,
    JSON.stringify(fact.options),
  );
  return {
    groups: countedGroups(kv.layout),
    bytesPerBlock: kv.layout.bytesPerBlock,
    neededBytes: neededBytes(kv.layout, kv.settings, kv.settings.maxModelLen),
    longest: kvCache.longestThatFits,
    inPool: fits ? [blocks, tokens, rounded(maxConcurrency ?? 0)] : null,
    inFlightTokens: kv.settings.inFlightTokens,
  };
}

function countedGroups(layout: KvLayout): number[][] {
  const rows: number[][] = [];
  const groups = layout.groups.map((group) => [group.layers, group.blockSize, group.pageBytes]);
  for (const group of groups.sort(byNumbers)) {
    const last = rows.at(-1);
    if (last && String(last.slice(1)) === String(group)) last[0] = (last[0] ?? 0) + 1;
    else rows.push([1, ...group]);
  }
  return rows;
}

function byNumbers(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function countedBy<T>(list: readonly T[], keyOf: (one: T) => string): string {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return [...counts].map(([key, count]) => `${key} ${String(count)}`).join(', ');
}

function requestOf(fact: ModelFact, config: Config, version: string): PlanRequest {
  const { tensorParallelSize, pipelineParallelSize, dataParallelSize } = fact.options;
  const ranks = (tensorParallelSize ?? 1) * (pipelineParallelSize ?? 1) * (dataParallelSize ?? 1);
  const card = FACT_CARDS[fact.card];
  assert.ok(card);
  return {
    engine: 'vllm',
    engineVersion: version,
    // So light that nothing but the KV cache decides.
    model: { config, weightsBytes: 1e6 },
    gpus: Array.from({ length: ranks }, () => ({ ...card, memory: 'dedicated' as const })),
    options: { ...fact.options, enforceEager: true, kvCacheMemoryBytes: fact.pool },
  };
}

describe('KV cache of drawn layouts against vLLM itself', () => {
  const { cases, told: toldBy } = readSpecFacts();
  const releases = Object.keys(toldBy);

  it(`covers ${String(cases.length)} layouts in ${String(releases.length)} releases`, () => {
    assert.ok(cases.length >= 400);
    assert.ok(releases.length >= 2);
  });

  for (const release of releases)
    it(`vLLM ${release}`, () => {
      let compared = 0;
      for (const [index, one] of cases.entries()) {
        const answer = toldBy[release]?.[index] ?? null;
        // What the release refuses never starts.
        if (answer === null || !isComparable(one, release)) continue;
        compared++;
        const own = computed(one, release, answer);
        // Its own fit check once looked at a part of the groups only, and let starts through that can't serve a request.
        if (typeof own === 'number' && !checksAllGroups(release))
          assert.ok(own <= Number(answer), JSON.stringify(one));
        else assert.deepEqual(own, answer, JSON.stringify(one));
      }
      console.log(`      compared ${String(compared)}`);
      assert.ok(compared >= 200);
    });
});

const minorOf = (release: string): number => parseVllmVersion(release)?.[1] ?? 0;

/**
 * Block-outermost layouts came with 0.29, windows of odd sizes in them were split otherwise there (DeepSeek-V4 has none);
 * the fit check knows of a number of blocks set by hand since 0.21.
 */
const isComparable = (one: SpecCase, release: string): boolean =>
  (!one.outermost || minorOf(release) >= 30) && (one.override === null || minorOf(release) >= 21);

/** Since 0.19 (source). */
const checksAllGroups = (release: string): boolean => minorOf(release) >= 19;

function computed(one: SpecCase, release: string, answer: SpecTold): SpecTold {
  const { rules } = rulesOf(release);
  const settings: KvSettings = {
    maxModelLen: one.length,
    inFlightTokens: rules.reservesInFlightBatches ? one.inFlight : one.batched,
    encoderTokens: one.batched,
    decodeContextParallel: one.shards,
    hybridManager: !one.hybridOff,
    groupSizeRatio: rules.groupSizeRatio,
    tokensShown: rules.tokensShown,
    nullBlock: rules.nullBlock,
    packedLayout: rules.packedLayout,
    blockOutermost: one.outermost,
    blocksOverride: one.override,
  };
  const layers = Array.from({ length: one.repeat }, () => one.unit.map(layersOf)).flat();
  const layout = layoutOf(layers, settings, sharesOf(layers, one.stages));
  if (typeof answer === 'number') return longestAsTold(layout, settings, one);
  const { blocks, tokens, maxConcurrency } = amountIn(layout, settings, one.pools);
  return [blocks, tokens, rounded(maxConcurrency)];
}

/** vLLM refuses for the first worker that is too small, and estimates the length for that one. */
function longestAsTold(layout: KvLayout, settings: KvSettings, one: SpecCase): number {
  for (const [worker, bytesPerBlock] of layout.bytesPerBlock.entries()) {
    const own = { ...layout, bytesPerBlock: [bytesPerBlock] };
    const amount = amountIn(own, settings, [one.pools[worker] ?? 0]);
    if (!amount.fits) return longestThatFits(own, settings, amount.blocks, one.length);
  }
  return Infinity;
}

function layersOf(layer: SpecLayer): KvLayers {
  const { kind, count, block, heads = 1, dim = 0, width = 2 } = layer;
  const vectors = kind === 'mla' ? 1 : 2;
  return {
    kind,
    count,
    blockSize: block,
    pageBytes:
      kind === 'state' ? (layer.padded ?? layer.bytes ?? 0) : block * heads * vectors * dim * width,
    window: layer.window ?? null,
    stateMode: layer.mode ?? 'none',
    speculativeTokens: layer.drafts ?? 0,
  };
}

/** As specFacts.py spreads layers over pipeline stages. */
function sharesOf(layers: readonly KvLayers[], stages: number): WorkerShare[] {
  const total = layers.reduce((sum, run) => sum + run.count, 0);
  const counts = Array.from({ length: stages }, () => Math.floor(total / stages));
  for (let i = 0; i < total % stages; i++)
    counts[stages - 2 - i] = (counts[stages - 2 - i] ?? 0) + 1;
  let first = 0;
  return counts.map((count) => {
    const share = { first, count };
    first += count;
    return share;
  });
}
