/**
 * The one state of the program and the one function that changes it: plain data, serialisable, drawn by views that
 * keep no truth of their own.
 */
import type { Gpu, GpuSample } from '../gpu/gpu';
import { judgePressure, type Pressure } from '../gpu/pressure';
import { nextLife, type LifeEvent } from '../engines/lifecycle';
import type { Diagnosis, EndReason, Phase, Stage, StartFacts } from '../engines/engine';
import type { LearnedEntry } from '../learning/learnedEntries';
import type { LaunchConditions } from '../learning/learnedRecord';
import type { Holder, LaunchRecord, ProcessIdentity } from '../processes/process';
import type { Command } from '../shared/planAnswer';
import type { ModelRequest } from '../shared/planRequest';
import type { ModelChoice } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import type { FailureReport } from './failureReport';
import type { LiveUse } from './liveUse';
import type { OfferedLaunch } from './offeredLaunch';

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
  /** What the plan expects it to hold on each GPU, in their order; planned fill is no pressure. */
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

export interface AppState {
  readonly gpu: GpuState;
  readonly holders: readonly Holder[];
  /** What cannot be seen of the holders from here, and what would show it, in words. */
  readonly blindSpots: readonly string[];
  readonly servers: readonly Server[];
  readonly profiles: readonly Profile[];
  readonly engines: { readonly vllm: EngineFound; readonly ollama: EngineFound };
  readonly models: readonly ModelChoice[];
  readonly model: ModelState | null;
  readonly learned: LearnedState;
  readonly wish: Wish;
  /** Grows when the host, not the page, changed the wish. */
  readonly wishRevision: number;
}

/** What may be set freely; how a server lives is moved by events alone. */
export type ServerFacts = Partial<Omit<Server, 'phase' | 'endReason' | 'stopRequested'>>;

export type Action =
  | {
      readonly type: 'sampled';
      readonly sample: GpuSample;
      readonly atMs: number;
      readonly simulated: boolean;
      readonly warnPercent: number;
    }
  | { readonly type: 'samplingFailed'; readonly text: string; readonly atMs: number }
  | { readonly type: 'noGpuTool' }
  | {
      readonly type: 'holdersJudged';
      readonly holders: readonly Holder[];
      /** Absent: as before. */
      readonly blindSpots?: readonly string[];
      readonly usedByServer: ReadonlyMap<string, number>;
    }
  | { readonly type: 'serverAdded'; readonly server: Server }
  | { readonly type: 'serverChanged'; readonly id: string; readonly change: ServerFacts }
  | {
      readonly type: 'serverLived';
      readonly id: string;
      readonly event: LifeEvent;
      readonly change?: ServerFacts;
    }
  | { readonly type: 'serverRemoved'; readonly id: string }
  | { readonly type: 'profilesLoaded'; readonly profiles: readonly Profile[] }
  | { readonly type: 'enginesFound'; readonly engines: AppState['engines'] }
  | { readonly type: 'modelsListed'; readonly models: readonly ModelChoice[] }
  | { readonly type: 'modelRead'; readonly model: ModelState }
  | { readonly type: 'wished'; readonly wish: Wish; readonly from: 'page' | 'host' }
  | ({ readonly type: 'learned' } & LearnedState);

const initialGpu: GpuState = {
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
    engines: { vllm: notFound, ollama: notFound },
    models: [],
    model: null,
    wish,
    wishRevision: 0,
    learned: { entries: [], problems: [] },
  };
}

export function reduce(state: AppState, action: Action): AppState {
  switch (action.type) {
    case 'sampled':
      return {
        ...state,
        gpu: {
          status: 'ok',
          sample: action.sample,
          sampledAtMs: action.atMs,
          failure: null,
          simulated: action.simulated,
          pressure: pressureOf(state, action.sample, action.warnPercent),
        },
      };
    case 'samplingFailed':
      return {
        ...state,
        gpu: {
          // only a real tool fails: figures that were made up do not stand in for what it would have said
          ...(state.gpu.simulated ? initialGpu : state.gpu),
          status: 'failing',
          failure: { text: action.text, sinceMs: state.gpu.failure?.sinceMs ?? action.atMs },
        },
      };
    case 'noGpuTool':
      return {
        ...state,
        gpu: { ...initialGpu, status: 'absent' },
        holders: [],
      };
    case 'holdersJudged': {
      const servers = state.servers.map((server) => {
        const usedBytes = action.usedByServer.get(server.id) ?? null;
        return usedBytes === server.usedBytes ? server : { ...server, usedBytes };
      });
      // views compare by identity, and most judgements say what the one before said
      const isSame = JSON.stringify(action.holders) === JSON.stringify(state.holders);
      const isSameUse = servers.every((server, at) => server === state.servers[at]);
      const blindSpots = action.blindSpots ?? state.blindSpots;
      const isSameView = blindSpots.join('\n') === state.blindSpots.join('\n');
      if (isSame && isSameUse && isSameView) return state;
      return {
        ...state,
        holders: isSame ? state.holders : action.holders,
        blindSpots: isSameView ? state.blindSpots : blindSpots,
        servers: isSameUse ? state.servers : servers,
      };
    }
    case 'serverAdded':
      return { ...state, servers: [...state.servers, action.server] };
    case 'serverChanged':
      return {
        ...state,
        servers: state.servers.map((server) =>
          server.id === action.id ? { ...server, ...action.change } : server,
        ),
      };
    case 'serverLived':
      return {
        ...state,
        servers: state.servers.map((server) =>
          server.id === action.id ? lived(server, action.event, action.change) : server,
        ),
      };
    case 'serverRemoved':
      return { ...state, servers: state.servers.filter((server) => server.id !== action.id) };
    case 'profilesLoaded':
      return { ...state, profiles: action.profiles };
    case 'enginesFound':
      return { ...state, engines: action.engines };
    case 'modelsListed':
      return { ...state, models: action.models };
    case 'modelRead':
      // an answer about a model that is no longer wished for is late, not wrong: drop it
      return action.model.id === state.wish.model ? { ...state, model: action.model } : state;
    case 'wished': {
      // the same name means another model to the other engine
      const isSame =
        state.model?.id === action.wish.model && state.wish.engine === action.wish.engine;
      const model = isSame ? state.model : null;
      const wishRevision = state.wishRevision + (action.from === 'host' ? 1 : 0);
      return { ...state, wish: action.wish, model, wishRevision };
    }
    case 'learned':
      return { ...state, learned: { entries: action.entries, problems: action.problems } };
  }
}

/** An event that means nothing in the server's phase (a late answer, a second end) changes nothing at all. */
function lived(server: Server, event: LifeEvent, change: ServerFacts = {}): Server {
  const { phase, stopRequested, endReason } = server;
  const life = { phase, stopRequested, endReason, wasReady: server.readyAtMs !== null };
  const next = nextLife(life, event);
  if (next === life) return server;
  return {
    ...server,
    ...change,
    phase: next.phase,
    stopRequested: next.stopRequested,
    endReason: next.endReason,
    // a failure stays loud until somebody looked
    seen: next.phase !== 'ended' || next.endReason === 'stopped',
  };
}

function pressureOf(
  state: AppState,
  sample: GpuSample,
  warnPercent: number,
): Readonly<Record<number, Pressure>> {
  const levels: Record<number, Pressure> = {};
  for (const gpu of sample.gpus) {
    const expectedBytes = liveServers(state).reduce(
      (sum, server) => (server.queued ? sum : sum + (server.plannedBytesPerGpu[gpu.index] ?? 0)),
      0,
    );
    const previous = state.gpu.pressure[gpu.index] ?? null;
    const { totalBytes } = gpu;
    const level = judgePressure(
      { totalBytes, usedBytes: takenBytesOf(gpu), expectedBytes },
      previous,
      warnPercent,
    );
    if (level !== null) levels[gpu.index] = level;
  }
  return levels;
}

/** Of a pool shared with the system, everything that is not free: programs without a GPU fill it, too. */
function takenBytesOf({ memory, totalBytes, usedBytes, freeBytes }: Gpu): number | null {
  return memory === 'unified' && totalBytes !== null && freeBytes !== null
    ? Math.max(0, totalBytes - freeBytes)
    : usedBytes;
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

/** Free now as the planner takes it: as printed, else total − used; null where neither is known. */
export function freeBytesOf(
  gpu: Pick<Gpu, 'totalBytes' | 'usedBytes' | 'freeBytes'>,
): number | null {
  if (gpu.freeBytes !== null) return gpu.freeBytes;
  return gpu.totalBytes !== null && gpu.usedBytes !== null ? gpu.totalBytes - gpu.usedBytes : null;
}
