/** What a running vLLM says about itself: its version, and which models it serves. */
import * as z from 'zod/mini';
import { get, type EndpointRequest } from '../endpoint';
import { keyHeader } from './api';
import { parseJson } from '../../shared/json';

/** `{"version":"0.32.0"}`; needs no key. */
export const versionRequest = (base: string): EndpointRequest => get(base, '/version');
/** OpenAI's list, with vLLM's own `root` and `max_model_len`; 401 where a key is asked for. */
export const modelsRequest = (base: string, apiKey: string | null = null): EndpointRequest =>
  get(base, '/v1/models', keyHeader(apiKey));

const versionSchema = z.object({ version: z.string() });

/** null: not vLLM's answer. */
export function readVllmVersion(body: string): string | null {
  const parsed = z.safeParse(versionSchema, parseJson(body));
  return parsed.success ? parsed.data.version : null;
}

export interface ServedModel {
  /** Name that clients use. */
  readonly id: string;
  /** What was loaded: a Hub name or a folder. */
  readonly root: string | null;
  readonly maxModelLen: number | null;
}

const modelsSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string(),
      root: z.optional(z.nullable(z.string())),
      max_model_len: z.optional(z.nullable(z.number())),
    }),
  ),
});

/** null where it is not such a list. */
export function readServedModels(body: string): readonly ServedModel[] | null {
  const parsed = z.safeParse(modelsSchema, parseJson(body));
  if (!parsed.success) return null;
  return parsed.data.data.map(({ id, root, max_model_len }) => ({
    id,
    root: root ?? null,
    maxModelLen: max_model_len ?? null,
  }));
}
