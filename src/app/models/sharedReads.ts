/** One reading for all who wait for the same thing; it is cancelled when the last of them has gone. */
import { fail, type Result } from '../../shared/failure';

interface Running<T> {
  readonly result: Promise<Result<T>>;
  readonly abort: AbortController;
  waiting: number;
}

export type SharedReads<T> = (
  key: string,
  start: (signal: AbortSignal) => Promise<Result<T>>,
  signal?: AbortSignal,
) => Promise<Result<T>>;

/** Who comes with a signal may leave early (`cancelled`); who comes without one stays to the end. */
export function createSharedReads<T>(): SharedReads<T> {
  const running = new Map<string, Running<T>>();

  function join(key: string, start: (signal: AbortSignal) => Promise<Result<T>>): Running<T> {
    const found = running.get(key);
    if (found) return found;
    const abort = new AbortController();
    const result = start(abort.signal).finally(() => {
      if (running.get(key) === entry) running.delete(key);
    });
    const entry: Running<T> = { result, abort, waiting: 0 };
    running.set(key, entry);
    return entry;
  }

  return async (key, start, signal) => {
    if (signal?.aborted === true) return cancelled();
    const entry = join(key, start);
    entry.waiting += 1;
    let leave = (): void => undefined;
    const left = new Promise<Result<T>>((resolve) => {
      leave = () => resolve(cancelled());
      signal?.addEventListener('abort', leave, { once: true });
    });
    const result = await Promise.race([entry.result, left]);
    signal?.removeEventListener('abort', leave);
    entry.waiting -= 1;
    if (entry.waiting === 0 && running.get(key) === entry) {
      running.delete(key);
      entry.abort.abort();
    }
    return result;
  };
}

const cancelled = <T>(): Result<T> => fail<T>('cancelled', 'the reading was cancelled');
