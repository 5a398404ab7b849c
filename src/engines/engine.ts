/** What an engine (vLLM, Ollama) is to the rest: its stages, what its output tells, how its servers live and end. */
import type { PlanOptions } from '../shared/planRequest';

export const STAGES = [
  'starting',
  'downloading',
  'loading',
  'profiling',
  'kvCache',
  'compiling',
  'capturing',
  'warmup',
  'ready',
  'serving',
  'stopping',
] as const;

export type Stage = (typeof STAGES)[number];

/** What a start printed about itself; `null` where it did not. Sizes are per GPU (the smallest rank). */
export interface StartFacts {
  readonly weightsBytes: number | null;
  readonly activationBytes: number | null;
  readonly nonTorchBytes: number | null;
  readonly graphBytes: number | null;
  readonly kvCacheBytes: number | null;
  readonly kvCacheTokens: number | null;
  readonly maxConcurrency: number | null;
  readonly loadSeconds: number | null;
  readonly freeBytesAtStart: number | null;
  readonly wantedBytes: number | null;
}

/** What has been read so far. A new object only when something changed. */
export interface LogReading {
  readonly engineVersion: string | null;
  readonly stage: Stage;
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly facts: StartFacts;
}

export interface Evidence {
  /** 1-based line of the output, after carriage returns are resolved. */
  readonly line: number;
  /** Without colours and worker prefixes. */
  readonly text: string;
}

export interface Cause {
  readonly id: string;
  readonly title: string;
  readonly evidence: readonly Evidence[];
}

export interface Remedy {
  readonly summary: string;
  /** Empty when it is not a setting. */
  readonly change: PlanOptions;
  readonly why: string;
}

export type DiagnosisResult = 'ready' | 'degraded' | 'failed' | 'stopped' | 'running';

export interface Diagnosis {
  readonly engine: 'vllm' | 'ollama';
  readonly engineVersion: string | null;
  readonly stage: Stage;
  readonly result: DiagnosisResult;
  readonly cause: Cause | null;
  readonly remedy: Remedy | null;
  readonly facts: StartFacts;
}

/** What the reader of a log cannot see in it. */
export interface EndContext {
  /** null: still running, or not known. */
  readonly exitCode: number | null;
  readonly ended: boolean;
  /** The user (or we, for the user) asked it to stop. */
  readonly stopRequested: boolean;
  /** It was ours: had it been asked to stop, we would know, unless somebody did so past us. */
  readonly isWatched?: boolean;
}

/** Reads a server's output as it comes: any cut, colours, carriage returns, worker prefixes. Constant memory. */
export interface LogReader {
  /** True if the reading changed. */
  push(chunk: string): boolean;
  reading(): LogReading;
  diagnose(end: EndContext): Diagnosis;
}

/** How a server lives. `idle` is a saved profile, which is no server yet. */
export type Phase = 'starting' | 'ready' | 'stopping' | 'ended' | 'lost';

/** Why it ended. `stopped`: because it was asked to. */
export type EndReason = 'stopped' | 'failed' | 'crashed';

/** One step of a stop. `app/` finds the processes, checks each identity, sends, and waits. */
export interface StopStep {
  /** main: the API server. engine: EngineCores (or Ollama's runner). all: everything recorded for this launch that still lives. */
  readonly target: 'main' | 'engine' | 'all';
  readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL';
  /** The next step follows when nothing of the launch is left, or after this time. */
  readonly waitMs: number;
  readonly why: string;
}

/** Where and how the command is to run; everything a plan does not know. */
export interface CommandSettings {
  /** Executable: a name on PATH or an absolute path. */
  readonly file: string;
  readonly host: string;
  /** null: left to the engine's default. */
  readonly port: number | null;
  /** Name clients use; null: the model's own. */
  readonly servedModelName: string | null;
  /** Appended as given, after the planned flags. */
  readonly extraArguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Found before a launch; `blocking: false` is a mere warning. Deploy Anyway ignores both. */
export interface PreflightProblem {
  readonly id: string;
  readonly text: string;
  readonly blocking: boolean;
  /** It starts all the same, on memory that is to stay free for Ollama. */
  readonly takesOllamas?: true;
}
