/** A prompt and its answer as it streams in, whichever engine writes it; each engine has its own dialect of both. */
import type { PlanOptions } from '../shared/planRequest';
import type { EndpointRequest } from './endpoint';
import { createLineSplitter } from './lineSplitter';

/** What a model can be asked for: not every one chats. */
export type PromptKind = 'chat' | 'completion' | 'embedding';

export interface Prompt {
  readonly text: string;
  readonly maxTokens: number;
  /** Writes all of them, where the engine can be told to. */
  readonly isFixedLength: boolean;
}

/** Whom to ask, and what must be said again with every request. */
export interface PromptTarget {
  readonly base: string;
  /** Name that clients use. */
  readonly model: string;
  readonly apiKey: string | null;
  /** Of the launch: a request with others makes Ollama load the model anew. */
  readonly options: PlanOptions;
  /** Seconds; null: for ever. Only Ollama's. */
  readonly keepAlive: number | null;
}

/** What one line of the stream tells; absent: nothing of it. */
export interface PromptPiece {
  readonly content?: string;
  readonly thought?: string;
  readonly promptTokens?: number | null;
  readonly tokens?: number | null;
  readonly writingSeconds?: number | null;
  readonly error?: string;
  readonly isOver?: boolean;
}

export interface Embedded {
  /** Numbers that one text became. */
  readonly dimensions: number;
  readonly promptTokens: number | null;
}

/** How an engine is asked, and how its answers read. */
export interface PromptDialect {
  request(
    target: PromptTarget,
    kind: PromptKind,
    prompt: Prompt,
    how: { readonly isStreamed: boolean },
  ): EndpointRequest;
  /** null: the line tells nothing. */
  readPiece(line: string): PromptPiece | null;
  /** null: it is no such answer. */
  readEmbedded(body: string): Embedded | null;
  /** What to ask for instead, by the body of the refusal; null: that would not help. */
  insteadOf(kind: PromptKind, body: string): PromptKind | null;
  /** In the engine's words; null: it is another answer. */
  readError(body: string): string | null;
}

/** The text under the name that it has in a request of the kind: the same in both dialects. */
export function promptInput(kind: PromptKind, text: string): object {
  switch (kind) {
    case 'chat':
      return { messages: [{ role: 'user', content: text }] };
    case 'completion':
      return { prompt: text };
    case 'embedding':
      return { input: text };
  }
}

export interface PromptReading {
  /** The answer; what it thought, where it did not get to one. */
  readonly text: string;
  readonly promptTokens: number | null;
  /** By the engine's own count. */
  readonly tokens: number | null;
  /** That writing them took, by the engine's own clock; null: it does not tell. */
  readonly writingSeconds: number | null;
  /** null: none so far. */
  readonly error: string | null;
  /** False: broken off. */
  readonly isOver: boolean;
}

export interface PromptReader {
  push(chunk: string): void;
  end(): void;
  reading(): PromptReading;
}

export function createPromptReader({ readPiece }: Pick<PromptDialect, 'readPiece'>): PromptReader {
  let answer = '';
  let thought = '';
  let told: PromptPiece = {};
  const lines = createLineSplitter((line) => {
    const piece = readPiece(line.trim());
    if (!piece) return;
    answer += piece.content ?? '';
    thought += piece.thought ?? '';
    told = { ...told, ...piece };
  });
  return {
    push: (chunk) => lines.push(chunk),
    end: () => lines.end(),
    reading: () => ({
      text: answer === '' ? thought : answer,
      promptTokens: told.promptTokens ?? null,
      tokens: told.tokens ?? null,
      writingSeconds: told.writingSeconds ?? null,
      error: told.error ?? null,
      isOver: told.isOver ?? false,
    }),
  };
}
