/** Facts that vLLM's own KV-cache code told (test/engines/kvFacts.mjs), as the repository keeps them. */
import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { planOptionsSchema, type PlanOptions } from '../../src/shared/planRequest';

const FOLDER = path.resolve('test/fixtures/facts');

/** Cards that the facts were asked for, as vLLM was told. */
export const FACT_CARDS: Readonly<Record<string, { name: string; totalBytes: number }>> = {
  h100: { name: 'NVIDIA H100 80GB HBM3', totalBytes: 85_520_809_984 },
  a100: { name: 'NVIDIA A100-SXM4-80GB', totalBytes: 85_899_345_920 },
  rtx4090: { name: 'NVIDIA GeForce RTX 4090', totalBytes: 25_757_220_864 },
};

const numbers = z.array(z.number());
/** Blocks, tokens, concurrency; null: one request of full length does not fit. */
const inPoolSchema = z.nullable(z.tuple([z.number(), z.number(), z.number()]));

const startSchema = z.tuple([z.string(), planOptionsSchema, z.number(), z.number(), z.number()]);
const cacheSchema = z.tuple([z.array(numbers), numbers, numbers, z.number(), inPoolSchema]);

/** One start of one model. Bytes and tokens. */
export interface ModelFact {
  readonly model: string;
  readonly card: string;
  readonly options: PlanOptions;
  /** Bytes of KV cache on each GPU. */
  readonly pool: number;
  readonly inFlightTokens: number;
  /** null: the model keeps no KV cache. */
  readonly cache: {
    /** Sorted: how many of them, layers, tokens per block, bytes per page. */
    readonly groups: readonly number[][];
    /** Per pipeline stage. */
    readonly bytesPerBlock: readonly number[];
    readonly neededBytes: readonly number[];
    readonly longest: number;
    readonly inPool: z.infer<typeof inPoolSchema>;
  } | null;
}

const modelFactsSchema = z.object({
  version: z.string(),
  models: z.record(z.string(), z.array(z.array(z.unknown()))),
});

export function readModelFacts(): {
  version: string;
  models: Record<string, Record<string, unknown>>;
  facts: ModelFact[];
} {
  const models = z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .parse(readJson('kvModels.json'));
  const told = modelFactsSchema.parse(readJson('kvModelFacts.json'));
  const facts = Object.entries(told.models).flatMap(([model, rows]) =>
    rows.map((row) => modelFact(model, row)),
  );
  return { version: told.version, models, facts };
}

function modelFact(model: string, row: readonly unknown[]): ModelFact {
  const [card, options, pool, , inFlightTokens] = startSchema.parse(row.slice(0, 5));
  const start = { model, card, options, pool, inFlightTokens };
  if (row.length === 5) return { ...start, cache: null };
  const [groups, bytesPerBlock, neededBytes, longest, inPool] = cacheSchema.parse(row.slice(5));
  return { ...start, cache: { groups, bytesPerBlock, neededBytes, longest, inPool } };
}

const layerSchema = z.object({
  kind: z.enum(['full', 'sliding', 'chunked', 'mla', 'cross', 'state']),
  count: z.number(),
  block: z.number(),
  heads: z.optional(z.number()),
  dim: z.optional(z.number()),
  /** Bytes of an element. */
  width: z.optional(z.number()),
  window: z.optional(z.number()),
  bytes: z.optional(z.number()),
  padded: z.optional(z.number()),
  mode: z.optional(z.enum(['none', 'align'])),
  drafts: z.optional(z.number()),
});

const specCaseSchema = z.object({
  unit: z.array(layerSchema),
  repeat: z.number(),
  stages: z._default(z.number(), 1),
  length: z.number(),
  batched: z.number(),
  inFlight: z.number(),
  pools: numbers,
  shards: z._default(z.number(), 1),
  hybridOff: z._default(z.boolean(), false),
  override: z._default(z.nullable(z.number()), null),
  outermost: z._default(z.boolean(), false),
});

/** A number: the longest that fits where the asked length does not. null: that release refuses the layout. */
const specToldSchema = z.nullable(
  z.union([z.number(), z.tuple([z.number(), z.number(), z.number()])]),
);

export type SpecLayer = z.infer<typeof layerSchema>;
export type SpecCase = z.infer<typeof specCaseSchema>;
export type SpecTold = z.infer<typeof specToldSchema>;

export function readSpecFacts(): { cases: SpecCase[]; told: Record<string, SpecTold[]> } {
  return z
    .object({
      cases: z.array(specCaseSchema),
      told: z.record(z.string(), z.array(specToldSchema)),
    })
    .parse(readJson('kvSpecFacts.json'));
}

function readJson(name: string): unknown {
  return JSON.parse(fs.readFileSync(path.join(FOLDER, name), 'utf8'));
}
