/**
 * How to end a vLLM server so that nothing stays behind. Measured on 0.32: killing main alone leaves engine, workers and
 * resource tracker for good; SIGTERM during the start is lost, SIGINT is kept until the engine has loaded; with a stream
 * open main may wait for the client without end, its engine long dead.
 */
import type { Stage, StopStep } from '../engine';

export interface StopWish {
  readonly forced: boolean;
  /** A client streams an answer (ours are aborted before). */
  readonly streamOpen: boolean;
}

const askMain = (waitMs: number, why: string): StopStep => ({
  target: 'main',
  signal: 'SIGINT',
  waitMs,
  why,
});

/** The engine's own shutdown takes its workers along and removes their shared memory: 6 s where seen. */
const askEngine = (waitMs: number): StopStep => ({
  target: 'engine',
  signal: 'SIGTERM',
  waitMs,
  why: 'the engine shuts its workers down in order and cleans their shared memory',
});

/** All together: a killed main or engine alone leaves the others with the memory. */
const killAll: StopStep = {
  target: 'all',
  signal: 'SIGKILL',
  waitMs: 3000,
  why: 'main, engine, workers and tracker together, so that none stays with the memory',
};

/** @param stage the last one reached; it decides how long asking is worth while. */
export function vllmStopRecipe(stage: Stage, { forced, streamOpen }: StopWish): StopStep[] {
  if (forced) return [askEngine(2000), killAll];
  switch (stage) {
    case 'ready':
    case 'serving':
      return streamOpen
        ? [askMain(4000, 'ends in 0.4 s, or hangs on the open stream'), askEngine(3000), killAll]
        : [askMain(8000, 'an idle server ends in 0.4 to 1.4 s'), askEngine(6000), killAll];
    case 'stopping':
      return [askEngine(6000), killAll];
    case 'starting':
    case 'downloading':
    case 'loading':
    case 'profiling':
    case 'compiling':
    case 'kvCache':
    case 'capturing':
    case 'warmup':
      return [
        askMain(
          3000,
          'works at once while Python imports; later it is kept until the engine has loaded',
        ),
        askEngine(3000),
        killAll,
      ];
  }
}
