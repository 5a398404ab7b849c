/** In which order leftovers are ended so that they can still let go of their memory themselves. Data; `app/` acts. */
import type { ProcessInfo } from './process';
import { roleOf } from './role';

export interface EndStep {
  readonly pids: readonly number[];
  readonly signal: 'SIGTERM' | 'SIGKILL';
  /** The longest wait before the next step, which follows at once when none of `pids` is left. */
  readonly waitMs: number;
  readonly why: string;
}

/**
 * Measured on vLLM 0.32: SIGTERM to an orphaned EngineCore ends it and its workers in order within 6 s and cleans
 * shared memory; after its SIGKILL the workers leave through their death pipe in 3.4 s, unless they hang in NCCL.
 * An orphaned runner of Ollama leaves 8 ms after SIGTERM.
 */
export function endOrder(chosen: readonly ProcessInfo[]): readonly EndStep[] {
  const heads = chosen.filter((process) => {
    const role = roleOf(process);
    return role === 'vllmEngine' || role === 'ollamaRunner';
  });
  const headPids = heads.map(({ pid }) => pid);
  const rest = chosen.map(({ pid }) => pid).filter((pid) => !headPids.includes(pid));
  const steps: readonly EndStep[] = [
    {
      pids: headPids,
      signal: 'SIGTERM',
      waitMs: 10_000,
      why: 'an engine that is asked takes its workers and shared memory along',
    },
    {
      pids: headPids,
      signal: 'SIGKILL',
      waitMs: 5000,
      why: 'the engine did not go; its workers notice and leave',
    },
    { pids: rest, signal: 'SIGTERM', waitMs: 5000, why: 'what has no engine above it any more' },
    { pids: rest, signal: 'SIGKILL', waitMs: 2000, why: 'what did not go when it was asked' },
  ];
  return steps.filter(({ pids }) => pids.length > 0);
}
