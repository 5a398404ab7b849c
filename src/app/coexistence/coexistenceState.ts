/** What the state keeps of an Ollama beside our servers, and of the workspace's own file about it. */
import type { WorkerSettings } from '../../planner/workerSettings';

/** A model that a daemon has loaded. */
export interface OllamaModel {
  readonly name: string;
  readonly sizeBytes: number;
  /** Less than `sizeBytes`: the rest runs on the CPU. */
  readonly gpuBytes: number;
  /** Since when it is seen like that. */
  readonly sinceMs: number;
}

/** The daemon at `vramPilot.ollama.host`, as it last answered. */
export interface OllamaSeen {
  readonly answers: boolean;
  readonly models: readonly OllamaModel[];
  /** It has had a model loaded that is none of our servers, since it runs. */
  readonly isInUse: boolean;
  /** The last time that what it holds changed; null: not since it was first seen. */
  readonly change: {
    readonly atMs: number;
    readonly fromBytes: number;
    readonly toBytes: number;
  } | null;
}

export interface CoexistenceState {
  readonly ollama: OllamaSeen;
  /** The workspace's own file over the settings; null: there is none, or it can't be used. */
  readonly file: WorkerSettings | null;
  readonly fileProblem: string | null;
}

export const NO_OLLAMA: OllamaSeen = { answers: false, models: [], isInUse: false, change: null };

export const initialCoexistence: CoexistenceState = {
  ollama: NO_OLLAMA,
  file: null,
  fileProblem: null,
};
