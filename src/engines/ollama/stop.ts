/** How to end an Ollama daemon of ours. An adopted one is never signalled: its models are unloaded, and that is all. */
import type { StopStep } from '../engine';

/** Measured on 0.24 and 0.32: SIGTERM ends daemon and runners in 3 ms to 0.9 s; an orphaned runner ends by SIGTERM in 8 ms. */
export function ollamaStopRecipe({ forced }: { readonly forced: boolean }): StopStep[] {
  const killAll: StopStep = {
    target: 'all',
    signal: 'SIGKILL',
    waitMs: 3000,
    why: 'a killed daemon leaves its runners with the memory, so all go together',
  };
  const askMain: StopStep = {
    target: 'main',
    signal: 'SIGTERM',
    waitMs: forced ? 1000 : 5000,
    why: 'the daemon ends its runners itself, also while they load',
  };
  const askRunner: StopStep = {
    target: 'engine',
    signal: 'SIGTERM',
    waitMs: 1000,
    why: 'a runner whose daemon is gone ends at once',
  };
  return forced ? [askMain, killAll] : [askMain, askRunner, killAll];
}
