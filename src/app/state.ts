/**
 * The one state of the program: plain data, serialisable, drawn by views that keep no truth of their own. reducer.ts
 * alone changes it.
 */
import type { Gpu, GpuSample } from '../gpu/gpu';
import type { Pressure } from '../gpu/pressure';
import type { Diagnosis, EndReason, Phase, Stage, StartFacts } from '../engines/engine';
import type { LearnedEntry } from '../learning/learnedEntries';
import type { LaunchConditions } from '../learning/learnedRecord';
import type { Holder, LaunchRecord, ProcessIdentity } from '../processes/process';
import type { KnownProfile } from '../shared/knownProfile';
import type { Command } from '../shared/planAnswer';
import type { ModelRequest } from '../shared/planRequest';
import type { ModelChoice } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import { initialCoexistence, type CoexistenceState } from './coexistence/coexistenceState';
import type { FailureReport } from './learning/failureReport';
import type { LiveUse } from './servers/liveUse';
import type { OfferedLaunch } from './learning/offeredLaunch';

export interface GpuState {
  /** `absent`: no GPU tool on this machine. `failing`: there is one, and it doesn't answer usefully. */
  readonly status: 'unknown' | 'ok' | 'absent' | 'failing';
  /** The last good sample; kept while failing, its age is shown. */
  readonly sample: GpuSample | null;
  readonly sampledAtMs: number | null;
  readonly failure: { readonly text: string; readonly sinceMs: number } | null;
  readonly simulated: boolean;
  /** By GPU index; planned fill of our own servers left out. */
  readonly pressure: Readonly<Record<number, Pressure>>;
}

/** A launch that waits for its turn. */
export interface Queued {
  readonly sinceMs: number;
  /** Titles of what goes before it. */
  readonly waitsFor: readonly string[];
}

/** What another process did to the memory of a GPU while a server of ours was starting there. */
export interface Disturbance {
  readonly pid: number;
  /** Redacted. */
  readonly command: string | null;
  readonly gpus: readonly number[];
  /** From its lowest to its highest figure after that; vLLM counts growth during profiling as its own. */
  readonly grewBytes: number;
  /** From its highest to its lowest figure after that. */
  readonly shrankBytes: number;
  /** Of the start, when the change was last seen. */
  readonly stage: Stage;
}

export interface Server {
  readonly id: string;
  readonly title: string;
  readonly wish: Wish;
  readonly command: Command;
  readonly host: string;
  readonly port: number;
  /** Name clients put into requests. */
  readonly servedModelName: string;
  readonly phase: Phase;
  readonly stage: Stage;
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly facts: StartFacts | null;
  readonly engineVersion: string | null;
  /** By the user, or by us for the user: its end is then no crash. */
  readonly stopRequested: boolean;
  /** Why it ended, and what the output says about it. */
  readonly endReason: EndReason | null;
  readonly diagnosis: Diagnosis | null;
  /** Computed once it has failed; null: it has not, or not yet. */
  readonly failure: FailureReport | null;
  /** Of a ready server that a failure had made small; null: nothing to offer. */
  readonly stepUp: OfferedLaunch | null;
  readonly exitCode: number | null;
  readonly startedAtMs: number;
  readonly readyAtMs: number | null;
  readonly endedAtMs: number | null;
  /** `adopted`: runs, but was not started by us; its environment is not known, so it can't be started again. */
  readonly origin: 'started' | 'adopted';
  /** `request`: a model in a daemon that runs without us, so that no process of its own will come. */
  readonly launch: 'process' | 'request';
  /** GPUs it starts on, by index; null: not known, so it may be any. */
  readonly gpus: readonly number[] | null;
  /** Waits for its turn, its phase being `starting`; null: it does not wait. */
  readonly queued: Queued | null;
  /** The window that queues or starts it; null where windows can't be told apart. */
  readonly owner: ProcessIdentity | null;
  readonly disturbances: readonly Disturbance[];
  readonly record: LaunchRecord | null;
  /** What the plan expects it to hold on each of `gpus`, in their order; planned fill is no pressure. */
  readonly plannedBytesPerGpu: readonly number[];
  /** Under which it was launched, and what the plan expected; what it shows is learned against them. */
  readonly conditions: LaunchConditions | null;
  /** Held on the GPUs now, by all its processes; null: not known. */
  readonly usedBytes: number | null;
  /** null: not asked yet, or it does not tell. */
  readonly live: LiveUse | null;
  /** Its weights are in the computer's memory; null: it does not offer that. */
  readonly asleep: boolean | null;
  /** Loud facts about a running server, e.g. that Ollama put layers on the CPU. */
  readonly warnings: readonly string[];
  /** What is left after a stop, in words; null: nothing, or not stopped. */
  readonly stillHeld: string | null;
  /** A failure stays loud in the status bar until somebody looked. */
  readonly seen: boolean;
  readonly simulated: boolean;
}

export interface Profile {
  readonly name: string;
  readonly wish: Wish;
}

/** A file of the user's that cannot be read: it is left alone, and shown with the way to it. */
export interface FileProblem {
  readonly path: string;
  readonly text: string;
}

export interface EngineFound {
  readonly found: boolean;
  /** Absolute path, or the configured name; null: not found. */
  readonly file: string | null;
  readonly version: string | null;
}

export interface ModelState {
  readonly id: string;
  /** null: being read. */
  readonly facts: ModelRequest | null;
  readonly longestContext: number | null;
  readonly problem: string | null;
  /** What the user should know about the reading, one sentence each. */
  readonly notes?: readonly string[];
  /** A hub has it, and gives it only with a token, or with another one. */
  readonly needsToken?: boolean;
}

/** What earlier starts taught, and what is wrong with where it is kept. */
export interface LearnedState {
  /** Oldest first. */
  readonly entries: readonly LearnedEntry[];
  readonly problems: readonly string[];
}

/** The user's own known results, and what is wrong with the files that hold them. */
export interface KnownState {
  readonly profiles: readonly KnownProfile[];
  readonly problems: readonly string[];
}

export interface AppState {
  readonly gpu: GpuState;
  readonly holders: readonly Holder[];
  /** What cannot be seen of the holders from here, and what would show it, in words. */
  readonly blindSpots: readonly string[];
  readonly servers: readonly Server[];
  readonly profiles: readonly Profile[];
  /** Why the saved launches could not be read; null: they were. */
  readonly profilesProblem: FileProblem | null;
  readonly engines: { readonly vllm: EngineFound; readonly ollama: EngineFound };
  readonly models: readonly ModelChoice[];
  readonly model: ModelState | null;
  readonly learned: LearnedState;
  readonly known: KnownState;
  readonly coexistence: CoexistenceState;
  readonly wish: Wish;
  /** Grows when the host, not the page, changed the wish. */
  readonly wishRevision: number;
}

/** What may be set freely; how a server lives is moved by events alone. */
export type ServerFacts = Partial<Omit<Server, 'phase' | 'endReason' | 'stopRequested'>>;

/** Before anything has answered. */
export const initialGpu: GpuState = {
  status: 'unknown',
  sample: null,
  sampledAtMs: null,
  failure: null,
  simulated: false,
  pressure: {},
};

const notFound: EngineFound = { found: false, file: null, version: null };

export function initialState(wish: Wish): AppState {
  return {
    gpu: initialGpu,
    holders: [],
    blindSpots: [],
    servers: [],
    profiles: [],
    profilesProblem: null,
    engines: { vllm: notFound, ollama: notFound },
    models: [],
    model: null,
    wish,
    wishRevision: 0,
    learned: { entries: [], problems: [] },
    known: { profiles: [], problems: [] },
    coexistence: initialCoexistence,
  };
}

/** Servers that hold or are about to hold memory. */
export function liveServers(state: AppState): readonly Server[] {
  return state.servers.filter((server) => server.phase !== 'ended');
}

/** As lists show them: what lives first, in the order of its start; of what ended the latest first. */
export function serversInOrder(state: AppState): readonly Server[] {
  const ended = state.servers.filter((server) => server.phase === 'ended');
  return [...liveServers(state), ...ended.reverse()];
}

/** What its plan expects on all its GPUs together; null: the plan did not know. */
export function plannedBytesOf({ plannedBytesPerGpu }: Server): number | null {
  const sum = plannedBytesPerGpu.reduce((total, bytes) => total + bytes, 0);
  return sum > 0 ? sum : null;
}

/** Free now as the planner takes it: as printed, else total − used; null where neither is known. */
export function freeBytesOf(
  gpu: Pick<Gpu, 'totalBytes' | 'usedBytes' | 'freeBytes'>,
): number | null {
  if (gpu.freeBytes !== null) return gpu.freeBytes;
  return gpu.totalBytes !== null && gpu.usedBytes !== null ? gpu.totalBytes - gpu.usedBytes : null;
}
