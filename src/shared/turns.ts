/** Work that must not overlap. */

/** Runs what it is given one after another; where one breaks, the next one runs all the same. */
export function createTurns(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const done = last.then(act, act);
    last = done;
    return done;
  };
}

/** Never two runs of `act` at once: whoever asks during one shares the next, which begins after the question. */
export function oneAtATime<T>(act: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | null = null;
  let next: Promise<T> | null = null;

  function start(): Promise<T> {
    next = null;
    current = act().finally(() => {
      current = null;
    });
    return current;
  }
  // in the moment between two runs there is none, but a next one all the same
  return () => next ?? (current ? (next = current.then(start, start)) : start());
}
