/** Recorded loads of Ollama and llama.cpp beside what the planner makes of them. */
import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { parseOllamaVersion } from '../../src/planner/ollama/ollamaVersions';
import { planOllama } from '../../src/planner/ollama/planOllama';
import type { Plan } from '../../src/shared/planAnswer';
import { parsePlanRequest, type PlanRequest } from '../../src/shared/planRequest';
import { GIB } from '../../src/shared/units';
import { readDataJson } from './sharedData';

const maybe = z.nullable(z.number());
const loadsSchema = z.object({
  cases: z.array(
    z.object({
      id: z.string(),
      engine: z.string(),
      numbers_are: z.string(),
      date: z.string(),
      model: z.nullable(z.string()),
      ollama_version: z.nullable(z.string()),
      ollama_version_from_source_line: z.nullable(z.string()),
      gpu: z.nullable(z.array(z.string())),
      gpu_total_gib: z.nullable(z.array(z.number())),
      gpu_free_gib: z.nullable(z.array(z.number())),
      num_ctx: maybe,
      num_ctx_total: maybe,
      num_ctx_source: z.nullable(z.string()),
      num_parallel: maybe,
      kv_unified: z.nullable(z.boolean()),
      num_batch: maybe,
      num_ubatch: maybe,
      flash_attention: z.nullable(z.union([z.boolean(), z.string()])),
      kv_cache_type: z.nullable(z.string()),
      gguf: z.nullable(z.record(z.string(), z.unknown())),
      gguf_confidence: z.nullable(z.string()),
      reported: z.record(z.string(), z.unknown()),
    }),
  ),
});

export type OllamaLoad = z.infer<typeof loadsSchema>['cases'][number];

export function ollamaLoads(): OllamaLoad[] {
  return z.parse(loadsSchema, readDataJson('ollama-loads.json')).cases;
}

/** Releases that ran in a month where a post names none. */
function versionOf(load: OllamaLoad): string | null {
  if (load.ollama_version !== null)
    return parseOllamaVersion(load.ollama_version) ? load.ollama_version : null;
  const range = load.ollama_version_from_source_line;
  // Gemma 3's windows are counted from 0.6.3 on, which only one log of "0.6.0..0.6.7" precedes.
  if (range !== null) return range.split('..').at(-1) ?? range;
  if (load.engine === 'ollama-new') return load.date < '2026' ? '0.12.11' : '0.20.2';
  if (load.engine === 'ollama-old') return '0.9.3';
  if (load.engine === 'ollama-llama-server') return load.date < '2026-06-10' ? '0.30.0' : '0.32.15';
  return null;
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** Printed with one decimal it may be off by half of the last digit. */
export const withinRounding = (ours: number, printed: number): boolean =>
  Math.abs(ours - printed) <= (Number.isInteger(Math.round(printed * 1e4) / 1e3) ? 0.0501 : 0.0001);

/** Caches that no Ollama keeps: a llama.cpp cache shared by four slots, and one for batches of 128. */
const OTHER_CACHE: ReadonlySet<string> = new Set(['idx-57750453327', 'idx-1131611191']);

/** Context solved from the printed K/V, where the log shows none; enough to place layers, not to check K/V. */
const CONTEXT_FROM_CACHE: Readonly<Record<string, number>> = { 'olm-10810': 4096 };

/** The output weight left on the host needs a copy on the device (llama.cpp on CANN); a build for Hexagon with batches of 128. */
export const COMPUTE_NOT_KNOWN: readonly string[] = ['idx-1131611191', 'idx-2232086978'];

export interface LoadComparison {
  readonly plan: Plan;
  /** GiB of K and V, printed and planned; null: not printed, or a cache that no Ollama keeps. */
  readonly keyValue: { readonly printed: number; readonly ours: number } | null;
  readonly layers: { readonly printed: number; readonly ours: number } | null;
  /** GiB of the compute buffer. `holds`: within the plan's range, or the rounding of what was printed. */
  readonly compute: {
    readonly printed: number;
    readonly ours: number;
    readonly range: readonly [number, number];
    readonly holds: boolean;
  } | null;
}

/** null: the load's GGUF metadata is not known. */
export function compareLoad(load: OllamaLoad): LoadComparison | null {
  const plan = planOf(load);
  if (!plan) return null;
  return {
    plan,
    keyValue: keyValueOf(load, plan),
    layers: layersOf(load, plan),
    compute: computeOf(load, plan),
  };
}

function keyValueOf(load: OllamaLoad, plan: Plan): LoadComparison['keyValue'] {
  const printed = number(load.reported.kv_gib);
  if (load.num_ctx_source !== 'log' || printed === null || OTHER_CACHE.has(load.id)) return null;
  return { printed, ours: (plan.kvCache.totalBytes ?? 0) / GIB };
}

const contextKnown = (load: OllamaLoad): boolean =>
  load.num_ctx_total !== null || load.id in CONTEXT_FROM_CACHE;

function layersOf(load: OllamaLoad, plan: Plan): LoadComparison['layers'] {
  const printed = number(load.reported.layers_offloaded);
  if (load.gpu_free_gib === null || printed === null || loadedGib(load) <= 0 || !contextKnown(load))
    return null;
  return { printed, ours: plan.offload?.layersOnGpu ?? 0 };
}

function computeOf(load: OllamaLoad, plan: Plan): LoadComparison['compute'] {
  const graphs = (load.reported.graph_gib ?? {}) as Record<string, unknown>;
  const complete = number(load.reported.layers_offloaded) === number(load.reported.layers_total);
  const printed =
    number(complete ? graphs.full_offload : graphs.partial_offload) ??
    number(Object.entries(graphs).find(([device]) => !/CPU|Host/i.test(device))?.[1]);
  if (printed === null || !contextKnown(load)) return null;
  const [low, high] = plan.ranges.graphBytes ?? [0, 0];
  const range = [low / GIB, high / GIB] as const;
  return {
    printed,
    ours: (plan.perGpu[0]?.graphBytes ?? 0) / GIB,
    range,
    holds:
      (printed >= range[0] && printed <= range[1]) ||
      range.some((end) => withinRounding(end, printed)),
  };
}

/** Loaded with drafting on: the file has one block more for it, which the recorded shape leaves out. */
const DRAFTING: ReadonlySet<string> = new Set(['idx-57514653434']);

function shapeOf(load: OllamaLoad): Record<string, unknown> | null {
  const { gguf } = load;
  if (!gguf || !DRAFTING.has(load.id)) return gguf;
  return { ...gguf, block_count: Number(gguf.block_count) + 1, nextn_predict_layers: 1 };
}

function planOf(load: OllamaLoad): Plan | null {
  const request = loadRequest(load);
  return request && planOllama(request);
}

/** The load as a plan request; null: its GGUF metadata is not known. */
export function loadRequest(load: OllamaLoad): PlanRequest | null {
  if (load.gguf?.block_count === undefined || load.gguf.block_count === null) return null;
  const context = number(load.gguf.context_length) ?? Infinity;
  const cells = load.num_ctx_total ?? CONTEXT_FROM_CACHE[load.id] ?? 8192;
  const slots = Math.max(
    load.engine.startsWith('ollama') ? (load.num_parallel ?? 1) : 1,
    Math.ceil(cells / context),
  );
  const loaded = loadedGib(load);
  const free = load.gpu?.[0]?.toLowerCase() === 'cpu' ? [] : (load.gpu_free_gib ?? [200]);
  const parsed = parsePlanRequest({
    engine: 'ollama',
    engineVersion: versionOf(load),
    model: {
      name: load.model,
      gguf: shapeOf(load),
      weightsBytes: loaded > 0 ? loaded * GIB : null,
    },
    gpus: free.map((value, i) => ({
      name: load.gpu?.[i] ?? null,
      totalBytes: (load.gpu_total_gib?.[i] ?? value) * GIB,
      freeBytes: value * GIB,
    })),
    options: {
      numCtx: cells / slots,
      numParallel: slots,
      kvCacheType: load.kv_cache_type,
      flashAttention: typeof load.flash_attention === 'boolean' ? load.flash_attention : null,
      numBatch: load.num_ubatch ?? (load.engine === 'llama.cpp' ? 512 : load.num_batch),
      numGpu: null,
    },
  });
  assert.ok(parsed.ok, load.id);
  return parsed.value;
}

/** Weights as Ollama counts them, the projector included. */
function loadedGib(load: OllamaLoad): number {
  const weights = (load.reported.weights_gib ?? {}) as Record<string, unknown>;
  const blocks = number(weights.blocks);
  if (blocks !== null)
    return (
      blocks +
      (number(weights.output_layer) ?? 0) +
      (number(load.reported.projector_weights_gib) ?? 0)
    );
  return Object.entries(weights)
    .filter(([device]) => !/CPU|Host|Mapped|input/i.test(device))
    .reduce((sum, [, value]) => sum + (number(value) ?? 0), 0);
}
