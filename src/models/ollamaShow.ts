/** Ollama's own answers about its models: `/api/show` as GGUF facts, `/api/tags` as a list. */
import * as z from 'zod/mini';
import { ggmlTensorBytes, ggmlTypeNamed } from './ggmlTypes';
import type { GgufTensor } from './gguf';
import { factsOf, trainedContext, type GgufFacts } from './ggufFacts';
import { parseJson } from '../shared/json';

const text = z.optional(z.nullable(z.string()));

const showSchema = z.object({
  model_info: z.record(z.string(), z.unknown()),
  projector_info: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
  tensors: z.optional(
    z.nullable(
      z.array(
        z.object({
          name: z.string(),
          type: z.string(),
          shape: z.array(z.int().check(z.gte(0))).check(z.maxLength(4)),
        }),
      ),
    ),
  ),
  details: z.optional(z.nullable(z.object({ format: text, quantization_level: text }))),
  capabilities: z.optional(z.nullable(z.array(z.string()))),
  parameters: text,
  remote_host: text,
});

export interface OllamaShow {
  /** In the short form of plan requests; with byte sums, because `tensors` are listed since 0.6.1. */
  readonly gguf: GgufFacts;
  /** Trained context in tokens. */
  readonly longestContext: number | null;
  /** `num_ctx` that the model's own parameters set. */
  readonly numCtx: number | null;
  /** completion, tools, vision, embedding, thinking … */
  readonly capabilities: readonly string[];
  readonly quantization: string | null;
  /** Runs elsewhere: needs no memory here. */
  readonly isRemote: boolean;
}

/** Reads the body of `POST /api/show`; null where it isn't one. `fileBytes`: the size that `/api/tags` gives. */
export function readOllamaShow(body: string, fileBytes: number | null = null): OllamaShow | null {
  const parsed = z.safeParse(showSchema, parseJson(body));
  if (!parsed.success) return null;
  const { model_info: info, tensors, details, capabilities, parameters } = parsed.data;
  const sized = tensors ? sizedTensors(tensors) : null;
  const facts = factsOf(Object.entries(info), sized, fileBytes);
  const projectorBytes = projectorBytesOf(parsed.data.projector_info ?? {});
  const gguf = projectorBytes === null ? facts : { projector_bytes: projectorBytes, ...facts };
  return {
    gguf,
    longestContext: trainedContext(gguf),
    numCtx: numCtxOf(parameters ?? ''),
    capabilities: capabilities ?? [],
    quantization: details?.quantization_level ?? null,
    isRemote: (parsed.data.remote_host ?? '') !== '',
  };
}

/** null where one tensor's size can't be told: a sum without it would be wrong. */
function sizedTensors(
  tensors: readonly { name: string; type: string; shape: readonly number[] }[],
): GgufTensor[] | null {
  const sized: GgufTensor[] = [];
  for (const { name, type, shape } of tensors) {
    const known = ggmlTypeNamed(type);
    const bytes = known ? ggmlTensorBytes(known, shape) : null;
    if (bytes === null) return null;
    sized.push({ name, type, shape, bytes });
  }
  return sized;
}

/** Bytes a weight by `general.file_type`: F32, F16, Q8_0, BF16. Projectors come in no other. */
const PROJECTOR_WEIGHT_BYTES = new Map([
  [0, 4],
  [1, 2],
  [7, 34 / 32],
  [32, 2],
]);

/** Of a projector that has a file of its own: its weights by their type, 16 bits where it names none. null: there is none. */
function projectorBytesOf(info: Readonly<Record<string, unknown>>): number | null {
  const count = info['general.parameter_count'];
  if (typeof count !== 'number' || !(count > 0) || !Number.isFinite(count)) return null;
  return Math.round(count * (PROJECTOR_WEIGHT_BYTES.get(Number(info['general.file_type'])) ?? 2));
}

/** The parameters are text, one `key value` a line. */
function numCtxOf(parameters: string): number | null {
  const value = Number(/^\s*num_ctx\s+(\d{1,9})\s*$/m.exec(parameters)?.[1]);
  return value > 0 ? value : null;
}

const tagsSchema = z.object({ models: z.nullable(z.array(z.unknown())) });
const tagSchema = z.object({
  name: z.string().check(z.minLength(1)),
  size: z.optional(z.nullable(z.number())),
  digest: text,
  remote_host: text,
  remote_model: text,
  details: z.optional(
    z.nullable(z.object({ family: text, parameter_size: text, quantization_level: text })),
  ),
});

export interface OllamaTag {
  readonly name: string;
  /** All layers of the manifest: weights, projector, template. */
  readonly sizeBytes: number | null;
  readonly digest: string | null;
  readonly family: string | null;
  /** As Ollama writes it: `8.0B`. */
  readonly parameterSize: string | null;
  readonly quantization: string | null;
}

/** Reads the body of `GET /api/tags`; models that run elsewhere are left out. null where it isn't such a body. */
export function readOllamaTags(body: string): readonly OllamaTag[] | null {
  const parsed = z.safeParse(tagsSchema, parseJson(body));
  if (!parsed.success) return null;
  return (parsed.data.models ?? []).flatMap((entry) => {
    const tag = z.safeParse(tagSchema, entry);
    if (!tag.success || tag.data.remote_host || tag.data.remote_model) return [];
    const { name, size, digest, details } = tag.data;
    return [
      {
        name,
        sizeBytes: size !== undefined && size !== null && size > 0 ? size : null,
        digest: digest ?? null,
        family: details?.family ?? null,
        parameterSize: details?.parameter_size ?? null,
        quantization: details?.quantization_level ?? null,
      },
    ];
  });
}
