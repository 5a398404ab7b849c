/** What the host sends, read before anything acts on it. */
import * as z from 'zod/mini';
import { toPageSchema, type ToPage } from '../src/shared/protocol';

/** `problem` says what is wrong with a message that is dropped. */
export type Incoming = { readonly message: ToPage } | { readonly problem: string };

export function readIncoming(data: unknown): Incoming {
  const parsed = z.safeParse(toPageSchema, data);
  if (parsed.success) return { message: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    problem: `bad message to the page: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  };
}
