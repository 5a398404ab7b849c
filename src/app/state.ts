/**
 * The one state of the program and the one function that changes it: plain data, serialisable, drawn by views that
 * keep no truth of their own.
 */
import type { Gpu, GpuSample } from '../gpu/gpu';
import { judgePressure, type Pressure } from '../gpu/pressure';
import { nextLife, type LifeEvent } from '../engines/lifecycle';
import type { Diagnosis, EndReason, Phase, Stage, StartFacts } from '../engines/engine';
import type { Holder, LaunchRecord } from '../processes/process';
import type { Command } from '../shared/planAnswer';
import type { ModelRequest } from '../shared/planRequest';
import type { ModelChoice } from '../shared/protocol';
import type { Wish } from '../shared/wish';

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
  readonly exitCode: number | null;
  readonly startedAtMs: number;
  readonly readyAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly record: LaunchRecord | null;
  /** What the plan expects it to hold on each GPU, in their order; planned fill is no pressure. */
  readonly plannedBytesPerGpu: readonly number[];
  /** Held on the GPUs now, by all its processes; null: not known. */
  readonly usedBytes: number | null;
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
}

export interface AppState {
  readonly gpu: GpuState;
  readonly holders: readonly Holder[];
  readonly servers: readonly Server[];
  readonly profiles: readonly Profile[];
  readonly engines: { readonly vllm: EngineFound; readonly ollama: EngineFound };
  readonly models: readonly ModelChoice[];
  readonly model: ModelState | null;
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
  | { readonly type: 'wished'; readonly wish: Wish; readonly from: 'page' | 'host' };

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
    servers: [],
    profiles: [],
    engines: { vllm: notFound, ollama: notFound },
    models: [],
    model: null,
    wish,
    wishRevision: 0,
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
      if (isSame && isSameUse) return state;
      return {
        ...state,
        holders: isSame ? state.holders : action.holders,
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
      (sum, server) => sum + (server.plannedBytesPerGpu[gpu.index] ?? 0),
      0,
    );
    const previous = state.gpu.pressure[gpu.index] ?? null;
    const { totalBytes, usedBytes } = gpu;
    const level = judgePressure({ totalBytes, usedBytes, expectedBytes }, previous, warnPercent);
    if (level !== null) levels[gpu.index] = level;
  }
  return levels;
}

/** Servers that hold or are about to hold memory. */
export function liveServers(state: AppState): readonly Server[] {
  return state.servers.filter((server) => server.phase !== 'ended');
}

/** Free now as the planner takes it: as printed, else total − used; null where neither is known. */
export function freeBytesOf(gpu: Gpu): number | null {
  if (gpu.freeBytes !== null) return gpu.freeBytes;
  return gpu.totalBytes !== null && gpu.usedBytes !== null ? gpu.totalBytes - gpu.usedBytes : null;
}
