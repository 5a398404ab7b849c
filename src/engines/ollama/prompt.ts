/** Prompts to Ollama in its own words: `/v1` would load the model anew, with the daemon's context in place of the launch's. */
import * as z from 'zod/mini';
import { postJson } from '../endpoint';
import {
  promptInput,
  type PromptDialect,
  type PromptKind,
  type PromptPiece,
} from '../promptStream';
import { readOllamaError } from './api';
import { keepAliveOf, runnerOptions } from './command';
import { parseJson } from '../../shared/json';

const PATHS: Readonly<Record<PromptKind, string>> = {
  chat: '/api/chat',
  completion: '/api/generate',
  embedding: '/api/embed',
};

const text = z.optional(z.nullable(z.string()));
const count = z.optional(z.nullable(z.number()));
const lineSchema = z.object({
  message: z.optional(z.object({ content: text, thinking: text })),
  response: text,
  thinking: text,
  done: z.optional(z.boolean()),
  prompt_eval_count: count,
  eval_count: count,
  /** Nanoseconds. */
  eval_duration: count,
  error: z.optional(z.string()),
});

function readPiece(line: string): PromptPiece | null {
  const parsed = z.safeParse(lineSchema, parseJson(line));
  if (!parsed.success) return null;
  const { message, response, thinking, done, error, ...told } = parsed.data;
  return {
    content: message?.content ?? response ?? '',
    thought: message?.thinking ?? thinking ?? '',
    ...(error !== undefined && { error }),
    ...(done === true && {
      isOver: true,
      promptTokens: told.prompt_eval_count ?? null,
      tokens: told.eval_count ?? null,
      writingSeconds: told.eval_duration == null ? null : told.eval_duration / 1e9,
    }),
  };
}

const embeddingsSchema = z.object({
  embeddings: z.array(z.array(z.number())),
  prompt_eval_count: count,
});

const NEXT: Readonly<Record<PromptKind, PromptKind | null>> = {
  chat: 'embedding',
  completion: 'embedding',
  embedding: null,
};

export const ollamaPrompts: PromptDialect = {
  request({ base, model, options, keepAlive }, kind, prompt, { isStreamed }) {
    const isWritten = kind !== 'embedding';
    const all = { ...runnerOptions(options), ...(isWritten && { num_predict: prompt.maxTokens }) };
    return postJson(base, PATHS[kind], {
      model,
      ...promptInput(kind, prompt.text),
      ...(isWritten && { stream: isStreamed }),
      keep_alive: keepAliveOf(keepAlive),
      ...(Object.keys(all).length > 0 && { options: all }),
    });
  },
  readPiece,
  readEmbedded(body) {
    const parsed = z.safeParse(embeddingsSchema, parseJson(body));
    const dimensions = parsed.success ? parsed.data.embeddings[0]?.length : undefined;
    if (!parsed.success || dimensions === undefined) return null;
    return { dimensions, promptTokens: parsed.data.prompt_eval_count ?? null };
  },
  insteadOf: (kind, body) => (body.includes('does not support') ? NEXT[kind] : null),
  readError: readOllamaError,
};
