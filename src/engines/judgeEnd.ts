/** From what was read and how the process ended to a result. The exit code alone lies both ways, so it comes last. */
import type { DiagnosisResult, EndContext, Stage } from './engine';

export interface EndFacts {
  readonly end: EndContext;
  readonly stage: Stage;
  readonly ready: boolean;
  /** The server itself said that it was asked to stop, before anything broke. */
  readonly shutdownRequested: boolean;
  /** It said that its engine was gone, and nobody had asked it to stop. */
  readonly engineDied: boolean;
  readonly fatal: boolean;
  readonly degraded: boolean;
  readonly unknownError: boolean;
  readonly livesOn: boolean;
}

export interface Judgement {
  readonly result: DiagnosisResult;
  /** Cause that the manner of the end implies; null: the one that was read, if any. */
  readonly causeId: string | null;
}

/** 128 + signal is what a shell makes of it; minus the signal what some runners do. */
const KILLED: ReadonlySet<number> = new Set([-9, 137]);
/** Interrupted, terminated, its terminal closed; the large ones are Ctrl+C on Windows, signed or not. */
const ASKED_TO_END: ReadonlySet<number> = new Set([
  -2, 130, -15, 143, -1, 129, -1073741510, 3221225786,
]);
const CRASHED: ReadonlySet<number> = new Set([-11, 139, -6, 134, -7, 135]);

/** Pure: the same facts give the same judgement, in whatever order they were read. */
export function judgeEnd(facts: EndFacts): Judgement {
  const { end } = facts;
  // An engine that vanished is a crash even where the server then tidied up and exited with 0 (vLLM does).
  if (facts.engineDied && !end.stopRequested)
    return { result: 'failed', causeId: facts.fatal ? null : 'unknown' };
  if (end.ended && end.stopRequested) return { result: 'stopped', causeId: null };
  // Tracebacks during a requested shutdown are noise.
  if (facts.shutdownRequested) {
    return { result: end.ended || !facts.livesOn ? 'stopped' : 'running', causeId: null };
  }
  if (facts.fatal) return { result: 'failed', causeId: null };
  if (end.ended) return judgeExit(facts);
  if (facts.unknownError && (facts.livesOn || !facts.ready))
    return { result: 'failed', causeId: 'unknown' };
  if (facts.degraded) return { result: 'degraded', causeId: null };
  return { result: facts.ready ? 'ready' : 'running', causeId: null };
}

/** Ended, not known to have been asked to, and no line told why. */
function judgeExit({ end, livesOn }: EndFacts): Judgement {
  const code = end.exitCode;
  if (code !== null && KILLED.has(code)) return { result: 'failed', causeId: 'server_killed' };
  if (code !== null && ASKED_TO_END.has(code)) return { result: 'stopped', causeId: null };
  if (code !== null && CRASHED.has(code)) return { result: 'failed', causeId: 'server_crashed' };
  // Ollama ends without a word, and a terminal reports 0 also for a process that was killed (seen in VS Code 1.139).
  if (livesOn && (code === 0 || code === null))
    return end.isWatched === true
      ? { result: 'failed', causeId: 'server_gone' }
      : { result: 'stopped', causeId: null };
  // vLLM announces every orderly stop, and a terminal reports 0 for a process that a signal ended (seen in VS Code 1.139).
  if (code === 0) return { result: 'failed', causeId: 'server_killed' };
  return { result: 'failed', causeId: 'unknown' };
}
