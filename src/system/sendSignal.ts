import type { SignalOutcome } from '../app/ports';

export type Kill = (pid: number, signal: NodeJS.Signals) => void;

/** `gone`: nobody has that number any more. Every other error is a refusal. */
export function sendSignal(kill: Kill, pid: number, signal: NodeJS.Signals): SignalOutcome {
  try {
    kill(pid, signal);
    return 'sent';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH' ? 'gone' : 'refused';
  }
}
