/** Prompts to vLLM, in OpenAI's words: server-sent events, the usage in the last one. */
import * as z from 'zod/mini';
import { postJson } from '../endpoint';
import {
  promptInput,
  type PromptDialect,
  type PromptKind,
  type PromptPiece,
} from '../promptStream';
import { keyHeader } from './api';
import { parseJson } from '../../shared/json';

const PATHS: Readonly<Record<PromptKind, string>> = {
  chat: '/v1/chat/completions',
  completion: '/v1/completions',
  embedding: '/v1/embeddings',
};

const text = z.optional(z.nullable(z.string()));
const count = z.optional(z.nullable(z.number()));
const eventSchema = z.object({
  choices: z.optional(
    z.array(
      z.object({
        delta: z.optional(z.object({ content: text, reasoning: text, reasoning_content: text })),
        text,
      }),
    ),
  ),
  usage: z.optional(z.nullable(z.object({ prompt_tokens: count, completion_tokens: count }))),
  error: z.optional(z.union([z.string(), z.object({ message: z.string() })])),
});

function readPiece(line: string): PromptPiece | null {
  if (!line.startsWith('data:')) return null;
  const data = line.slice(5).trim();
  if (data === '[DONE]') return { isOver: true };
  const parsed = z.safeParse(eventSchema, parseJson(data));
  if (!parsed.success) return null;
  const { choices, usage, error } = parsed.data;
  const choice = choices?.[0];
  const delta = choice?.delta;
  return {
    content: delta?.content ?? choice?.text ?? '',
    thought: delta?.reasoning ?? delta?.reasoning_content ?? '',
    ...(usage && {
      promptTokens: usage.prompt_tokens ?? null,
      tokens: usage.completion_tokens ?? null,
    }),
    ...(error !== undefined && { error: typeof error === 'string' ? error : error.message }),
  };
}

const embeddingsSchema = z.object({
  data: z.array(z.object({ embedding: z.array(z.number()) })),
  usage: z.optional(z.nullable(z.object({ prompt_tokens: count }))),
});

const errorSchema = z.object({
  error: z.union([z.string(), z.object({ message: z.string() })]),
});

/** Without a chat template it still completes; a pooling model has neither route, or refuses both. */
const NO_CHAT = /chat template|does not support|"detail"\s*:\s*"(?:Not Found|Method Not Allowed)"/i;
const NEXT: Readonly<Record<PromptKind, PromptKind | null>> = {
  chat: 'completion',
  completion: 'embedding',
  embedding: null,
};

export const vllmPrompts: PromptDialect = {
  request({ base, model, apiKey }, kind, prompt, { isStreamed }) {
    const isWritten = kind !== 'embedding';
    const body = {
      model,
      ...promptInput(kind, prompt.text),
      ...(isWritten && { max_tokens: prompt.maxTokens }),
      ...(isWritten && prompt.isFixedLength && { ignore_eos: true }),
      ...(isWritten && isStreamed && { stream: true, stream_options: { include_usage: true } }),
    };
    return postJson(base, PATHS[kind], body, keyHeader(apiKey));
  },
  readPiece,
  readEmbedded(body) {
    const parsed = z.safeParse(embeddingsSchema, parseJson(body));
    if (!parsed.success) return null;
    const dimensions = parsed.data.data[0]?.embedding.length;
    const promptTokens = parsed.data.usage?.prompt_tokens ?? null;
    return dimensions === undefined ? null : { dimensions, promptTokens };
  },
  insteadOf: (kind, body) => (NO_CHAT.test(body) ? NEXT[kind] : null),
  readError(body) {
    const parsed = z.safeParse(errorSchema, parseJson(body));
    if (!parsed.success) return null;
    const { error } = parsed.data;
    return typeof error === 'string' ? error : error.message;
  },
};
