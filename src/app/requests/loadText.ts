/** Prompts of a wished length, no two alike: servers keep the beginning of those that they have read before. */
import type { PromptOutcome } from './prompts';

/** Short everyday words: one or two tokens each, whatever the tokenizer, unless it spells. */
const WORDS =
  'river stone light table seven green music paper window story bread night cloud garden winter road number friend water voice'.split(
    ' ',
  );

/** @param mark of this very request */
export function loadText(mark: string, words: number): string {
  // Lehmer's generator: the same mark gives the same text
  let seed = 7;
  for (let at = 0; at < mark.length; at += 1) seed = (seed * 31 + mark.charCodeAt(at)) % 2147483647;
  const list = Array.from({ length: words }, () => {
    seed = (seed * 48271) % 2147483647;
    return WORDS[seed % WORDS.length];
  });
  return `${mark}: go on with this list. ${list.join(' ')}`;
}

export interface Filling {
  /** Words of each of the requests that were answered already. */
  readonly words: number;
  /** Tokens that each of the next prompts may have. */
  readonly roomTokens: number;
  readonly requests: number;
  /** That reading all of them may take. */
  readonly limitMs: number;
}

/** Part of the room that is used: a prompt that is too long by one token is refused. */
const CAREFUL = 0.9;

/** Words for the next prompts, by what the answered ones took: tokens a word, and time to read them. */
export function wordsToFill(answered: readonly PromptOutcome[], filling: Filling): number {
  const { words, roomTokens, requests, limitMs } = filling;
  const tokens = Math.max(...answered.map(({ promptTokens }) => promptTokens ?? 0));
  // not told: as many as a tokenizer that spells would make of them
  const tokensPerWord = tokens > 0 ? tokens / words : 8;
  const rates = answered.flatMap(({ promptTokens, firstMs }) =>
    promptTokens !== null && firstMs !== null && firstMs > 0 ? [promptTokens / firstMs] : [],
  );
  const readable = rates.length === 0 ? Infinity : (Math.max(...rates) * limitMs) / requests;
  return Math.max(words, Math.floor(Math.min(roomTokens * CAREFUL, readable) / tokensPerWord));
}
