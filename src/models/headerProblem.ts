/** How header readers stop at a broken file; it never leaves the reader, which answers with a Failure. */
import { fail, type Result } from '../shared/failure';

export class HeaderProblem extends Error {}

/** Runs a header reader; what is wrong with the file becomes a value, bugs keep throwing. */
export async function readingHeader<T>(read: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    if (error instanceof HeaderProblem) return fail('invalid', error.message);
    throw error;
  }
}
