/** What a real llama.cpp printed for the models of llamaModels.ts: the cases asked for, the facts file, the plan for a case. */
import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { readGgufHeader } from '../../src/models/gguf';
import { ggufFacts, type GgufFacts } from '../../src/models/ggufFacts';
import { planOllama } from '../../src/planner/ollama/planOllama';
import type { Plan } from '../../src/shared/planAnswer';
import { parsePlanRequest } from '../../src/shared/planRequest';
import { LLAMA_MODELS } from './llamaModels';
import type { LlamaModel } from './llamaRecipes';
import { ggufHeader, writeGguf } from './modelFiles';

export const FACTS_FILE = 'test/fixtures/facts/llama.json';

const caseSchema = z.object({
  /** Tokens of one slot. */
  numCtx: z.number(),
  slots: z.number(),
  /** Logical and physical batch. */
  batch: z.number(),
  cacheType: z.string(),
  flashAttention: z.boolean(),
});
export type LlamaCase = z.infer<typeof caseSchema>;

/** ggml's numbers of the types a cache may have. */
const CACHE_TYPE_IDS: Readonly<Record<string, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q4_1: 3,
  q5_0: 6,
  q5_1: 7,
  q8_0: 8,
  iq4_nl: 20,
  bf16: 30,
};

const load = (
  numCtx: number,
  slots: number,
  batch: number,
  cacheType: string,
  flashAttention: boolean,
): LlamaCase => ({ numCtx, slots, batch, cacheType, flashAttention });

const EVERYWHERE: readonly LlamaCase[] = [
  load(4096, 1, 512, 'f16', true),
  load(4096, 1, 512, 'f16', false),
  load(32768, 1, 512, 'f16', true),
  load(32768, 1, 512, 'f16', false),
  load(8192, 4, 512, 'f16', true),
  load(8192, 4, 512, 'f16', false),
  load(131072, 1, 2048, 'f16', true),
  load(16384, 2, 1024, 'q8_0', true),
  load(8192, 1, 1024, 'q4_0', true),
  load(3000, 3, 512, 'f16', true),
  load(300, 1, 512, 'f16', true),
  load(65536, 1, 256, 'bf16', true),
];

/** One more each, in turn. */
const OTHER_TYPES = ['q5_1', 'q5_0', 'q4_1', 'iq4_nl', 'f32'];

/** Ollama gives these one slot, whatever is asked. */
const SINGLE_SLOT = /^(?:qwen35|qwen3next|qwen3vl|lfm2|nemotron_h|bert|nomic-bert|gemma-embedding)/;

/** llama.cpp packs K and V in blocks of 32 and refuses heads that are no multiple of it. */
const HEADS_OF_80 = /^(?:phi2|gptneox|stablelm)$/;

/** A model that only stands for its tensor type is loaded once. */
export function casesOf(model: LlamaModel): readonly LlamaCase[] {
  if (model.id.startsWith('llama-type-')) return EVERYWHERE.slice(0, 1);
  const type = OTHER_TYPES[LLAMA_MODELS.indexOf(model) % OTHER_TYPES.length] ?? 'q5_1';
  const all = [...EVERYWHERE, load(12288, 1, 512, type, true)];
  const cases = HEADS_OF_80.test(model.id)
    ? all.filter(({ cacheType }) => /f\d\d$/.test(cacheType))
    : all;
  return SINGLE_SLOT.test(model.id) ? cases.map((wish) => ({ ...wish, slots: 1 })) : cases;
}

const cacheSchema = z.object({ mib: z.number(), cells: z.number() });
const loadSchema = z.object({
  wish: caseSchema,
  /** The full layers' cache first, then the sliding ones'. */
  caches: z.array(cacheSchema),
  stateMib: z.number(),
  computeMib: z.number(),
});
const answersSchema = z.array(
  z.object({ id: z.string(), fileMib: z.number(), loads: z.array(loadSchema) }),
);

/** What was printed for one case. */
export type PrintedLoad = z.infer<typeof loadSchema>;

const factsSchema = z.object({
  source: z.string(),
  models: z.array(
    z.object({
      id: z.string(),
      /** Of the header's bytes: facts of another header are no facts of this model. */
      headerHash: z.string(),
      fileMib: z.number(),
      loads: z.array(loadSchema),
    }),
  ),
});

export type LlamaFacts = z.infer<typeof factsSchema>;

export const readFacts = (text: string): LlamaFacts => z.parse(factsSchema, JSON.parse(text));

export const headerHash = ({ fixture }: LlamaModel): string =>
  createHash('sha256').update(ggufHeader(fixture).bytes).digest('hex').slice(0, 16);

/** Writes the models (headers, no data on disk) and says what to load. `ids`: null for all. */
export function prepareLoads(folder: string, ids: readonly string[] | null): unknown {
  return LLAMA_MODELS.filter(({ id }) => ids?.includes(id) ?? true).map((model) => {
    const file = `${folder}/${model.id}.gguf`;
    writeGguf(file, model.fixture);
    const cases = casesOf(model).map((wish) => ({ wish, type: CACHE_TYPE_IDS[wish.cacheType] }));
    return { id: model.id, file, cases };
  });
}

/** The loader's answers as facts. */
export function factsFrom(source: string, answers: unknown): LlamaFacts {
  const models = z.parse(answersSchema, answers).map(({ id, fileMib, loads }) => {
    const model = LLAMA_MODELS.find((one) => one.id === id);
    if (!model) throw new Error(`no model ${id}`);
    return { id: model.id, headerHash: headerHash(model), fileMib, loads };
  });
  return { source, models };
}

/** One line a load: short, and a change shows where it is. */
export function factsText(facts: LlamaFacts): string {
  const lines = facts.models.map(({ loads, ...rest }) => {
    const rows = loads.map((row) => `      ${JSON.stringify(row)}`).join(',\n');
    return `    ${JSON.stringify(rest).slice(0, -1)},"loads":[\n${rows}\n    ]}`;
  });
  return `{\n  "source": ${JSON.stringify(facts.source)},\n  "models": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** The model's facts as our own reader finds them in the bytes that llama.cpp was given. */
export async function factsOfModel({ fixture }: LlamaModel): Promise<GgufFacts> {
  const { bytes, dataBytes } = ggufHeader(fixture);
  const header = await readGgufHeader({
    size: bytes.length + dataBytes,
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
  });
  if (!header.ok) throw new Error(header.failure.detail);
  return ggufFacts(header.value);
}

/** 80 GiB in one card, so that every layer is on it. `everyRow`: this build reserves logits for the whole batch. */
export function planLoad(gguf: GgufFacts, wish: LlamaCase, engineVersion = '0.30.0'): Plan {
  const request = parsePlanRequest({
    engine: 'ollama',
    engineVersion,
    model: { name: 'model', gguf },
    gpus: [{ name: null, totalBytes: 2 ** 40, freeBytes: 2 ** 40 }],
    options: {
      numCtx: wish.numCtx,
      numParallel: wish.slots,
      numBatch: wish.batch,
      kvCacheType: wish.cacheType,
      flashAttention: wish.flashAttention,
    },
  });
  if (!request.ok) throw new Error(request.error.message);
  return planOllama(request.value);
}
