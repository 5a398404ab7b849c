/** What an Ollama daemon is asked besides loads (command.ts) and facts of models (models/ollamaShow.ts), and how it answers. */
import * as z from 'zod/mini';
import { blobIn } from './runner';
import { get, postJson, type EndpointRequest } from '../endpoint';
import { parseJson } from '../../shared/json';

/** Answered in a millisecond, also during a load; the first after a start only when the search for GPUs has ended. */
export const ollamaVersionRequest = (base: string): EndpointRequest => get(base, '/api/version');
/** Loaded models. A load in progress is not in it (0.30 and newer), a killed runner still is: look for its process too. */
export const ollamaPsRequest = (base: string): EndpointRequest => get(base, '/api/ps');
/** All models on its disk. */
export const ollamaTagsRequest = (base: string): EndpointRequest => get(base, '/api/tags');
/** Verbose, or every per-layer array is null: exactly what sliding-window and hybrid models need. */
export const ollamaShowRequest = (base: string, model: string): EndpointRequest =>
  postJson(base, '/api/show', { model, verbose: true });

/** Short: without the arrays of the vocabulary. 404: the daemon has no such model, or its file is gone. */
export const ollamaShortShowRequest = (base: string, model: string): EndpointRequest =>
  postJson(base, '/api/show', { model });

const modelfileSchema = z.object({ modelfile: z.string() });

/** Which file of weights a name stands for, by its digest in hex: names that share it share one runner. */
export function readModelBlob(body: string): string | null {
  const parsed = z.safeParse(modelfileSchema, parseJson(body));
  const from = parsed.success ? /^FROM (.+)$/m.exec(parsed.data.modelfile)?.[1] : undefined;
  return from === undefined ? null : blobIn(from);
}

const versionSchema = z.object({ version: z.string() });

/** null: not Ollama's answer. */
export function readOllamaVersion(body: string): string | null {
  const parsed = z.safeParse(versionSchema, parseJson(body));
  return parsed.success ? parsed.data.version : null;
}

/** `llama3` and `llama3:latest` are one. */
export function isSameTag(a: string, b: string): boolean {
  const full = (tag: string) => (/:[^/]*$/.test(tag) ? tag : `${tag}:latest`);
  return full(a) === full(b);
}

const psSchema = z.object({
  models: z.nullable(
    z.array(
      z.object({
        name: z.string(),
        digest: z.optional(z.nullable(z.string())),
        size: z.number(),
        size_vram: z.optional(z.nullable(z.number())),
        context_length: z.optional(z.nullable(z.number())),
        expires_at: z.optional(z.nullable(z.string())),
      }),
    ),
  ),
});

export interface LoadedModel {
  /** With its tag; of two names for the same file the one loaded first. */
  readonly name: string;
  readonly digest: string | null;
  readonly sizeBytes: number;
  /** What of it is on GPUs. */
  readonly gpuBytes: number;
  /** Per slot; null before 0.10. */
  readonly contextLength: number | null;
  /** In the past while a request runs: not a sign that it is idle. */
  readonly expiresAt: string | null;
}

/** null: not Ollama's answer; `[]`: nothing is loaded. */
export function readOllamaPs(body: string): readonly LoadedModel[] | null {
  const parsed = z.safeParse(psSchema, parseJson(body));
  if (!parsed.success) return null;
  return (parsed.data.models ?? []).map((model) => ({
    name: model.name,
    digest: model.digest ?? null,
    sizeBytes: model.size,
    // Era B adds host parts to size_vram when all layers are on GPUs.
    gpuBytes: Math.min(model.size, model.size_vram ?? 0),
    contextLength: model.context_length ?? null,
    expiresAt: model.expires_at ?? null,
  }));
}

const errorSchema = z.object({ error: z.string() });

/** What an error body says: from 0.30 on several lines, the runner's last ones, often twice. */
export function readOllamaError(body: string): string | null {
  const parsed = z.safeParse(errorSchema, parseJson(body));
  return parsed.success ? parsed.data.error : null;
}

const loadSchema = z.object({ done: z.boolean(), done_reason: z.optional(z.nullable(z.string())) });

/** What a load or unload request did; null where the body is an error or something else. */
export function readOllamaLoad(body: string): 'load' | 'unload' | 'other' | null {
  const parsed = z.safeParse(loadSchema, parseJson(body));
  if (!parsed.success || !parsed.data.done) return null;
  const reason = parsed.data.done_reason;
  return reason === 'load' || reason === 'unload' ? reason : 'other';
}
