/** What vLLM's server is asked over HTTP, and how its answers read. The chat part is OpenAI's and works with Ollama too. */
import * as z from 'zod/mini';
import { get, postJson, type EndpointRequest } from '../endpoint';
import { parseJson } from '../../shared/json';

/** For everything below `/v1`; nothing where there is no key. */
export const keyHeader = (apiKey: string | null): Record<string, string> =>
  apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };

/** 200 with an empty body when it serves, 503 when its engine is dead; refused until it is ready. Needs no key. */
export const healthRequest = (base: string): EndpointRequest => get(base, '/health');
/** Prometheus text, no key; see {@link readVllmMetrics}. */
export const metricsRequest = (base: string): EndpointRequest => get(base, '/metrics');

/** Its own endpoints answer then, if VLLM_SERVER_DEV_MODE is set as well; without this flag they lie (seen on 0.32). */
export const offersSleep = (args: readonly string[]): boolean =>
  args.some((argument) => argument.replaceAll('_', '-') === '--enable-sleep-mode');
/** Only a server that offers sleep tells the truth. */
export const isSleepingRequest = (base: string): EndpointRequest => get(base, '/is_sleeping');
/** Level 1: weights go to the computer's memory and can come back. */
export const sleepRequest = (base: string): EndpointRequest => postJson(base, '/sleep?level=1', {});
/** Weights and KV pool, both. */
export const wakeUpRequest = (base: string): EndpointRequest => postJson(base, '/wake_up', {});

const sleepingSchema = z.object({ is_sleeping: z.boolean() });

/** null where it is another answer. */
export function readIsSleeping(body: string): boolean | null {
  const parsed = z.safeParse(sleepingSchema, parseJson(body));
  return parsed.success ? parsed.data.is_sleeping : null;
}
