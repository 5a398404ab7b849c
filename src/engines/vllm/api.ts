/** What vLLM's server is asked over HTTP, and how its answers read. The chat part is OpenAI's and works with Ollama too. */
import * as z from 'zod/mini';
import { get, parseJson, postJson, type EndpointRequest } from '../endpoint';

const keyHeader = (apiKey: string | null): Record<string, string> =>
  apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };

/** 200 with an empty body when it serves, 503 when its engine is dead; refused until it is ready. Needs no key. */
export const healthRequest = (base: string): EndpointRequest => get(base, '/health');
/** Prometheus text, no key; see {@link readVllmMetrics}. */
export const metricsRequest = (base: string): EndpointRequest => get(base, '/metrics');

/** Its own endpoints answer then, if VLLM_SERVER_DEV_MODE is set as well; without this flag they lie (seen on 0.32). */
export const offersSleep = (args: readonly string[]): boolean =>
  args.some((argument) => argument.replaceAll('_', '-') === '--enable-sleep-mode');
export const isSleepingRequest = (base: string): EndpointRequest => get(base, '/is_sleeping');
/** Level 1: weights go to the computer's memory and can come back. */
export const sleepRequest = (base: string): EndpointRequest => postJson(base, '/sleep?level=1', {});
export const wakeUpRequest = (base: string): EndpointRequest => postJson(base, '/wake_up', {});

const sleepingSchema = z.object({ is_sleeping: z.boolean() });

/** null where it is another answer. */
export function readIsSleeping(body: string): boolean | null {
  const parsed = z.safeParse(sleepingSchema, parseJson(body));
  return parsed.success ? parsed.data.is_sleeping : null;
}

/** Short on purpose: it shows that the server works and how fast, not how clever the model is. */
const TEST_PROMPT = 'Say hello in one short sentence.';
const TEST_TOKENS = 64;

export function chatPromptRequest(
  base: string,
  model: string,
  apiKey: string | null = null,
): EndpointRequest {
  return postJson(base, '/v1/chat/completions', chatBody(model), keyHeader(apiKey));
}

const chatBody = (model: string) => ({
  model,
  messages: [{ role: 'user', content: TEST_PROMPT }],
  max_tokens: TEST_TOKENS,
});

const chatSchema = z.object({
  choices: z.array(
    z.object({
      message: z.object({
        content: z.optional(z.nullable(z.string())),
        reasoning: z.optional(z.nullable(z.string())),
        reasoning_content: z.optional(z.nullable(z.string())),
      }),
    }),
  ),
  usage: z.optional(
    z.nullable(
      z.object({
        prompt_tokens: z.optional(z.nullable(z.number())),
        completion_tokens: z.optional(z.nullable(z.number())),
      }),
    ),
  ),
});

export interface ChatAnswer {
  /** What it thought, where it did not get to an answer within the limit. */
  readonly text: string;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

/** null where it is no chat answer. */
export function readChatAnswer(body: string): ChatAnswer | null {
  const parsed = z.safeParse(chatSchema, parseJson(body));
  const message = parsed.success ? parsed.data.choices[0]?.message : undefined;
  if (!parsed.success || !message) return null;
  return {
    text: [message.content, message.reasoning, message.reasoning_content].find(Boolean) ?? '',
    promptTokens: parsed.data.usage?.prompt_tokens ?? null,
    completionTokens: parsed.data.usage?.completion_tokens ?? null,
  };
}

/** A command to try the endpoint with, for a POSIX shell. */
export function curlFor(base: string, model: string, apiKey: string | null = null): string {
  const { url } = chatPromptRequest(base, model);
  // A quote in a model's name would end the shell's string.
  const body = JSON.stringify(chatBody(model)).replaceAll("'", String.raw`'\''`);
  const key = apiKey === null ? '' : ' -H "Authorization: Bearer $VLLM_API_KEY"';
  return `curl ${url} -H 'Content-Type: application/json'${key} -d '${body}'`;
}
