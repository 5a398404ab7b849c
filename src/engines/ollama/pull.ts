/** A download by the daemon: one line of JSON each 60 ms, per layer. Closing the connection gives it up; what came stays on disk. */
import * as z from 'zod/mini';
import { postJson, type EndpointRequest } from '../endpoint';
import { createLineSplitter } from '../lineSplitter';
import { parseJson } from '../../shared/json';

/** Streams until all is there. */
export const ollamaPullRequest = (base: string, model: string): EndpointRequest =>
  postJson(base, '/api/pull', { model, stream: true });

const known = z.optional(z.nullable(z.number()));
const lineSchema = z.object({
  status: z.optional(z.string()),
  digest: z.optional(z.string()),
  total: known,
  completed: known,
  error: z.optional(z.string()),
});

export interface PullReader {
  push(chunk: string): void;
  /** Bytes over all layers known so far: the total grows as they begin, and a part that failed is taken back. */
  progress(): { readonly done: number; readonly total: number } | null;
  /** `success`: all is there. An error in the daemon's words. null: not over, or broken off. */
  end(): 'success' | { readonly error: string } | null;
}

/** For chunks cut anywhere; lines that are no JSON are passed over. */
export function createPullReader(): PullReader {
  const layers = new Map<string, { done: number; total: number }>();
  let end: ReturnType<PullReader['end']> = null;

  function take(text: string): void {
    const line = z.safeParse(lineSchema, parseJson(text));
    if (!line.success) return;
    const { status, digest, total, completed, error } = line.data;
    if (error !== undefined) end = { error };
    else if (status === 'success') end = 'success';
    else if (digest !== undefined && total != null)
      layers.set(digest, { done: Math.min(completed ?? 0, total), total });
  }

  const lines = createLineSplitter(take);
  return {
    push: (chunk) => lines.push(chunk),
    progress() {
      if (layers.size === 0) return null;
      const sum = { done: 0, total: 0 };
      for (const { done, total } of layers.values()) {
        sum.done += done;
        sum.total += total;
      }
      return sum;
    },
    end() {
      if (end === null) lines.end();
      return end;
    },
  };
}
