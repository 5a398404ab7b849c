/** The planner against recorded loads of Ollama and llama.cpp. */
import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { parseOllamaVersion } from '../../../../src/planner/ollama/ollamaVersions';
import { planOllama } from '../../../../src/planner/ollama/planOllama';
import type { Plan } from '../../../../src/shared/planAnswer';
import { GIB } from '../../../../src/shared/units';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { describeWithData, readDataJson } from '../../../support/sharedData';

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

type Load = z.infer<typeof loadsSchema>['cases'][number];

/** Releases that ran in a month where a post names none. */
function versionOf(load: Load): string | null {
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
const withinRounding = (ours: number, printed: number): boolean =>
  Math.abs(ours - printed) <= (Number.isInteger(Math.round(printed * 1e4) / 1e3) ? 0.0501 : 0.0001);

/** Caches that no Ollama keeps: a llama.cpp cache shared by four slots, and one for batches of 128. */
const OTHER_CACHE: ReadonlySet<string> = new Set(['idx-57750453327', 'idx-1131611191']);

/** Context solved from the printed K/V, where the log shows none; enough to place layers, not to check K/V. */
const CONTEXT_FROM_CACHE: Readonly<Record<string, number>> = { 'olm-10810': 4096 };

/** The output weight left on the host needs a copy on the device (llama.cpp on CANN); a build for Hexagon with batches of 128. */
const COMPUTE_NOT_KNOWN: readonly string[] = ['idx-1131611191', 'idx-2232086978'];

const gib = (value: number): string => value.toFixed(3);

describeWithData('Ollama planner against recorded loads', () => {
  const { cases } = z.parse(loadsSchema, readDataJson('ollama-loads.json'));

  it(`reads all ${String(cases.length)} loads`, () => {
    assert.equal(cases.length, 53);
  });

  it('gives K/V within 2 %, or the rounding of the printed figure', () => {
    const rows = cases.filter((load) => load.num_ctx_source === 'log' && load.gguf !== null);
    const misses: string[] = [];
    let checked = 0;
    for (const load of rows) {
      const printed = number(load.reported.kv_gib);
      const plan = planOf(load);
      if (printed === null || !plan || OTHER_CACHE.has(load.id)) continue;
      checked++;
      const ours = (plan.kvCache.totalBytes ?? 0) / GIB;
      if (Math.abs(ours - printed) > 0.02 * printed && !withinRounding(ours, printed))
        misses.push(`${load.id}: ${gib(ours)} instead of ${gib(printed)} GiB`);
    }
    console.log(`      K/V: ${String(checked - misses.length)} of ${String(checked)} loads`);
    assert.deepEqual(misses, []);
    assert.ok(checked >= 27, `only ${String(checked)} loads could be checked`);
  });

  it('places layers within one of what Ollama decided, and holds the compute buffer in its range', () => {
    const rows = cases.flatMap((load) => compare(load) ?? []);
    const placed = rows.filter((row) => row.layers !== null);
    const graphs = rows.filter((row) => row.graph !== null);
    for (const row of rows) console.log(`      ${row.text}`);
    const layersOff = placed.filter((row) => Math.abs(row.layers ?? 0) > 1).map((row) => row.id);
    const graphOff = graphs.filter((row) => row.graph === false).map((row) => row.id);
    console.log(
      `      layers ±1: ${String(placed.length - layersOff.length)} of ${String(placed.length)}; ` +
        `compute in range: ${String(graphs.length - graphOff.length)} of ${String(graphs.length)}`,
    );
    assert.deepEqual(layersOff, []);
    assert.deepEqual(graphOff, [...COMPUTE_NOT_KNOWN]);
    assert.ok(placed.length >= 18 && graphs.length >= 29);
  });
});

interface Row {
  readonly id: string;
  readonly text: string;
  readonly layers: number | null;
  readonly graph: boolean | null;
}

function planOf(load: Load): Plan | null {
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
      gguf: load.gguf,
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
  return planOllama(parsed.value);
}

/** Weights as Ollama counts them, the projector included. */
function loadedGib(load: Load): number {
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

function compare(load: Load): Row | null {
  const plan = planOf(load);
  if (!plan) return null;
  const offloaded = number(load.reported.layers_offloaded);
  const onGpu = plan.offload?.layersOnGpu ?? 0;
  const contextKnown = load.num_ctx_total !== null || load.id in CONTEXT_FROM_CACHE;
  const placeable =
    load.gpu_free_gib !== null && offloaded !== null && loadedGib(load) > 0 && contextKnown;
  const range = plan.ranges.graphBytes ?? [0, 0];
  const graphs = (load.reported.graph_gib ?? {}) as Record<string, unknown>;
  const complete = offloaded === number(load.reported.layers_total);
  const printed =
    number(complete ? graphs.full_offload : graphs.partial_offload) ??
    number(Object.entries(graphs).find(([device]) => !/CPU|Host/i.test(device))?.[1]) ??
    null;
  const graph =
    printed === null || !contextKnown
      ? null
      : (printed * GIB >= range[0] && printed * GIB <= range[1]) ||
        range.some((end) => withinRounding(end / GIB, printed));
  return {
    id: load.id,
    layers: placeable ? onGpu - offloaded : null,
    graph,
    text:
      `${load.id.padEnd(20)} ${plan.engineVersion.padEnd(11)}` +
      (placeable ? ` layers ${String(onGpu)} / ${String(offloaded)}` : '') +
      (graph === null
        ? ''
        : ` compute ${gib((plan.perGpu[0]?.graphBytes ?? 0) / GIB)} [${gib(range[0] / GIB)}, ${gib(range[1] / GIB)}] / ${String(printed)}`),
  };
}
