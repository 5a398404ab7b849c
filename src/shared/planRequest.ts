/**
 * The room `shared`: what host, page and CLI have in common. Here: what is asked of the planner, in the words of the CLI's
 * `plan --request`, the page and the API alike. `null` and absent mean the same everywhere: not known, or the
 * engine version's own default.
 */
import * as z from 'zod/mini';
import { knownProfileSchema } from './knownProfile';

const text = z.optional(z.nullable(z.string()));
const flag = z.optional(z.nullable(z.boolean()));
const count = z.optional(z.nullable(z.int().check(z.gte(1))));
const bytes = z.optional(z.nullable(z.number().check(z.gte(0))));
const facts = z.optional(z.nullable(z.record(z.string(), z.unknown())));

/** Where weights go when an engine shards or quantizes them; summed from tensor headers by `models/`. */
const weightGroupSchema = z.object({
  role: z.enum([
    'embedding',
    'head',
    'attention',
    'mlp',
    'expert',
    'norm',
    'vision',
    'draft',
    'other',
  ]),
  /** As the header names it: BF16, F16, F32, F8_E4M3, I32, U8 … */
  dtype: z.string(),
  bytes: z.number(),
  /** Stored elements; a packed 4-bit tensor counts its containers. */
  elements: z.number(),
  /** Bytes of this group's tensors with two or more dimensions (what weight-only quantization converts). */
  matrixBytes: z.number(),
  /** Stored elements of this group's tensors with two or more dimensions. */
  matrixElements: z.number(),
});

/** Summary of all tensor headers of a model folder. */
const weightSummarySchema = z.object({
  totalBytes: z.number(),
  tensorCount: z.number(),
  groups: z.array(weightGroupSchema),
});

export const modelRequestSchema = z.object({
  name: text,
  path: text,
  config: facts,
  weightsBytes: bytes,
  /** Those are the files' bytes, which a quantization option still converts; otherwise what the engine holds. */
  weightsAsStored: flag,
  parameterCount: bytes,
  gguf: facts,
  /** Filled by whoever read the headers at `path`; callers need not give it. */
  weights: z.optional(z.nullable(weightSummarySchema)),
});

export const gpuRequestSchema = z.object({
  name: text,
  totalBytes: z.number().check(z.gt(0)),
  freeBytes: bytes,
  memory: z._default(z.enum(['dedicated', 'unified']), 'dedicated'),
  /** The total that CUDA reports, where that is known better than by the board. */
  cudaBytes: bytes,
});

/** vLLM and Ollama options in camelCase; unknown keys are an error, because a misspelt one would change the plan silently. */
export const planOptionsSchema = z.strictObject({
  gpuMemoryUtilization: z.optional(z.nullable(z.number().check(z.gte(0), z.lte(1)))),
  kvCacheMemoryBytes: bytes,
  maxModelLen: count,
  maxNumSeqs: count,
  maxNumBatchedTokens: count,
  tensorParallelSize: count,
  pipelineParallelSize: count,
  dtype: text,
  quantization: text,
  kvCacheDtype: text,
  enforceEager: flag,
  blockSize: count,
  enablePrefixCaching: flag,
  cpuOffloadGb: bytes,
  maxCudagraphCaptureSize: bytes,
  loadFormat: text,
  speculativeConfig: facts,
  enableLora: flag,
  maxLoras: count,
  maxLoraRank: count,
  decodeContextParallelSize: count,
  dataParallelSize: count,
  enableExpertParallel: flag,
  limitMmPerPrompt: facts,
  languageModelOnly: flag,
  /** GPUs of the request the server may see, by their place in it, in this order; the launch gets CUDA_VISIBLE_DEVICES. */
  visibleDevices: z.optional(z.nullable(z.array(z.int().check(z.gte(0))).check(z.minLength(1)))),
  numCtx: count,
  numParallel: count,
  kvCacheType: text,
  flashAttention: flag,
  numGpu: z.optional(z.nullable(z.int().check(z.gte(-1)))),
  numBatch: count,
});

/** A server, or whoever else holds GPU memory. */
export const runningSchema = z.object({
  id: z.string(),
  title: z.string(),
  /** On all its GPUs together. */
  usedBytes: bytes,
  /** By place in the request; null or absent: not known. */
  gpus: z.optional(z.nullable(z.array(z.int().check(z.gte(0))))),
  /** Started by this program, which can stop it; everything else is only named. */
  ours: z.boolean(),
  /** No request is under way; null: not known. */
  idle: flag,
  /** Never to be stopped for another. */
  pinned: flag,
});

const planRequestSchema = z.object({
  engine: z.enum(['vllm', 'ollama']),
  engineVersion: text,
  model: modelRequestSchema,
  gpus: z._default(z.array(gpuRequestSchema), []),
  options: z._default(planOptionsSchema, {}),
  environment: z.optional(
    z.nullable(
      z.object({
        flashinferSampler: flag,
        platform: text,
        usage: z.optional(z.nullable(z.enum(['server', 'library']))),
      }),
    ),
  ),
  coexistence: z.optional(
    z.nullable(
      z.object({
        ollamaReservationBytes: bytes,
        safetyBufferBytes: bytes,
        /** What is kept on each GPU, by place in the request; null or absent: the same on each. */
        ollamaBytesPerGpu: z.optional(z.nullable(z.array(z.int().check(z.gte(0))))),
        /** Why that much is kept for Ollama, for the steps. */
        ollamaReason: text,
      }),
    ),
  ),
  learned: z.optional(z.nullable(z.array(z.record(z.string(), z.unknown())))),
  /** What holds GPU memory now, for "what must stop so that this fits". */
  running: z.optional(z.nullable(z.array(runningSchema))),
  /** The user's own known results; those that ship need not be given. */
  knownProfiles: z.optional(z.nullable(z.array(knownProfileSchema))),
});

export type WeightGroup = z.infer<typeof weightGroupSchema>;
export type WeightSummary = z.infer<typeof weightSummarySchema>;
export type ModelRequest = z.infer<typeof modelRequestSchema>;
export type GpuRequest = z.infer<typeof gpuRequestSchema>;
export type RunningServer = z.infer<typeof runningSchema>;
export type PlanOptions = z.infer<typeof planOptionsSchema>;
export type PlanRequest = z.infer<typeof planRequestSchema>;
export type EngineId = PlanRequest['engine'];

export interface InvalidField {
  /** Dotted path, e.g. `options.maxModelLen`; empty for the whole document. */
  readonly field: string;
  /** What was found and what is allowed, one line. */
  readonly message: string;
}

/** Parses anything into a request, or says which field is wrong, what was found and what is allowed. */
export function parsePlanRequest(
  input: unknown,
): { ok: true; value: PlanRequest } | { ok: false; error: InvalidField } {
  const parsed = z.safeParse(planRequestSchema, input);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, error: describeIssue(parsed.error.issues[0], input) };
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

function describeIssue(issue: z.core.$ZodIssue | undefined, input: unknown): InvalidField {
  if (!issue) return { field: '', message: 'not a plan request' };
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const allowed = Object.keys(planOptionsSchema.shape).join(', ');
    return {
      field: [...path, key].join('.'),
      message: `unknown key "${key}"; allowed: ${allowed}`,
    };
  }
  let found: unknown = input;
  for (const key of path) found = (found as Record<string, unknown> | null | undefined)?.[key];
  const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
  return { field: path.join('.'), message: `found ${shown}, ${expectation(issue)}` };
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${String(issue.maximum)}`;
    default:
      return 'which is not allowed here';
  }
}
