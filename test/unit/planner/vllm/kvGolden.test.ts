import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import {
  amountIn,
  longestThatFits,
  neededBytes,
  type KvLayers,
  type KvSettings,
} from '../../../../src/planner/vllm/kvCache';
import { layoutOf } from '../../../../src/planner/vllm/kvGroups';
import { rulesOf } from '../../../../src/planner/vllm/versions';
import { describeWithData, readDataJson } from '../../../support/sharedData';

const layerSchema = z.object({
  kind: z.enum(['full', 'swa', 'chunked', 'mla', 'mamba', 'cross']),
  count: z.number(),
  kv_heads: z.optional(z.number()),
  head: z.optional(z.number()),
  block: z.number(),
  dtype: z.optional(z.string()),
  window: z.optional(z.number()),
  chunk: z.optional(z.number()),
  content: z.optional(z.number()),
  slots: z.optional(z.number()),
  shapes: z.optional(z.array(z.array(z.number()))),
  dtypes: z.optional(z.array(z.string())),
  mode: z.optional(z.enum(['none', 'align', 'all'])),
  page_padded: z.optional(z.number()),
});
const amountsSchema = z.union([z.number(), z.array(z.number())]);
const goldenSchema = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      layers: z.array(layerSchema),
      available_bytes: amountsSchema,
      layers_per_worker: z.optional(z.array(z.number())),
      config: z.object({
        mml: z.number(),
        mnbt: z.optional(z.number()),
        max_in_flight_tokens: z.number(),
        dcp: z.optional(z.number()),
        override: z.optional(z.number()),
        auto: z.optional(z.boolean()),
        disable_hybrid: z.optional(z.boolean()),
      }),
      expect: z.optional(
        z.object({
          num_blocks: z.number(),
          max_model_len: z.number(),
          kv_cache_tokens: z.number(),
          max_concurrency: z.number(),
          bytes_per_block: amountsSchema,
          needed_bytes_one_request: amountsSchema,
          groups: z.array(
            z.object({ layers: z.number(), block_size: z.number(), page_bytes: z.number() }),
          ),
        }),
      ),
      expect_error: z.optional(z.string()),
    }),
  ),
});

type GoldenLayer = z.infer<typeof layerSchema>;
type GoldenCase = z.infer<typeof goldenSchema>['cases'][number];

const BYTES: Record<string, number> = { bf16: 2, fp16: 2, fp32: 4, fp8: 1, u8: 1 };
const KINDS = {
  full: 'full',
  swa: 'sliding',
  chunked: 'chunked',
  mla: 'mla',
  mamba: 'state',
  cross: 'cross',
} as const;

function pageOf(layer: GoldenLayer): number {
  if (layer.kind === 'mamba') {
    const own = (layer.shapes ?? []).reduce(
      (sum, shape, i) =>
        sum + shape.reduce((a, b) => a * b, 1) * (BYTES[layer.dtypes?.[i] ?? ''] ?? 0),
      0,
    );
    return layer.page_padded ?? own;
  }
  const bytes = BYTES[layer.dtype ?? ''] ?? 0;
  const head = layer.head ?? 0;
  if (layer.kind === 'mla') return layer.block * (layer.content ?? head * bytes);
  const slots = layer.slots ?? layer.kv_heads ?? 0;
  return layer.block * slots * (layer.content ?? 2 * head * bytes);
}

function layersOf(golden: GoldenCase): KvLayers[] {
  return golden.layers.map((layer) => ({
    kind: KINDS[layer.kind],
    count: layer.count,
    blockSize: layer.block,
    pageBytes: pageOf(layer),
    window: layer.window ?? layer.chunk ?? null,
    ...(layer.mode === undefined ? {} : { stateMode: layer.mode }),
  }));
}

function sharesOf(golden: GoldenCase) {
  const counts = golden.layers_per_worker;
  if (!counts) return null;
  const total = golden.layers.reduce((sum, layer) => sum + layer.count, 0);
  let next = 0;
  return counts.map((count) => {
    const first = count === total ? 0 : next;
    next += count;
    return { first, count };
  });
}

const list = (amounts: number | number[]): number[] =>
  Array.isArray(amounts) ? amounts : [amounts];

describeWithData('KV cache against the golden cases of vLLM 0.28', () => {
  const { cases } = goldenSchema.parse(readDataJson('vllm-kv-golden.json'));
  const { rules } = rulesOf('0.28.0');

  it(`covers the ${String(cases.length)} cases`, () => {
    assert.ok(cases.length >= 41);
  });

  for (const golden of cases) {
    it(golden.name, () => {
      const settings: KvSettings = {
        maxModelLen: golden.config.mml,
        inFlightTokens: golden.config.max_in_flight_tokens,
        encoderTokens: golden.config.mnbt ?? 0,
        decodeContextParallel: golden.config.dcp ?? 1,
        hybridManager: golden.config.disable_hybrid !== true,
        groupSizeRatio: rules.groupSizeRatio,
        tokensShown: rules.tokensShown,
        nullBlock: rules.nullBlock,
        packedLayout: rules.packedLayout,
        blocksOverride: golden.config.override ?? null,
      };
      const layout = layoutOf(layersOf(golden), settings, sharesOf(golden));
      const pools = list(golden.available_bytes);
      const amount = amountIn(layout, settings, pools);
      const longest = longestThatFits(layout, settings, amount.blocks, golden.config.mml);
      if (golden.expect_error !== undefined) {
        assert.equal(amount.fits, false);
        const estimate = /maximum model length is (\d+)/.exec(golden.expect_error)?.[1];
        assert.equal(longest, Number(estimate ?? 0));
        return;
      }
      const expected = golden.expect;
      assert.ok(expected);
      const length = golden.config.auto ? longest : golden.config.mml;
      const at = { ...settings, maxModelLen: length };
      const final = amountIn(layout, at, pools);
      assert.equal(length, expected.max_model_len);
      assert.equal(final.fits, true);
      assert.equal(final.blocks, expected.num_blocks);
      assert.equal(final.tokens, expected.kv_cache_tokens);
      assert.ok(Math.abs(final.maxConcurrency - expected.max_concurrency) < 1e-6);
      assert.deepEqual(layout.bytesPerBlock, list(expected.bytes_per_block));
      assert.deepEqual(neededBytes(layout, at, length), list(expected.needed_bytes_one_request));
      if (layout.bytesPerBlock.length > 1) return; // the file shows one worker's groups there
      const sort = (groups: { layers: number; size: number; page: number }[]) =>
        groups.map((g) => `${String(g.layers)}×${String(g.size)}:${String(g.page)}`).sort();
      assert.deepEqual(
        sort(
          layout.groups.map((g) => ({ layers: g.layers, size: g.blockSize, page: g.pageBytes })),
        ),
        sort(
          expected.groups.map((g) => ({
            layers: g.layers,
            size: g.block_size,
            page: g.page_bytes,
          })),
        ),
      );
    });
  }
});
