/** The one function that changes the state, and all that can happen to it. */
import type { Gpu, GpuSample } from '../gpu/gpu';
import { judgePressure, type Pressure } from '../gpu/pressure';
import { nextLife, type LifeEvent } from '../engines/lifecycle';
import type { Holder } from '../processes/process';
import type { ModelChoice } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import type { CoexistenceState } from './coexistence/coexistenceState';
import {
  initialGpu,
  liveServers,
  type AppState,
  type FileProblem,
  type KnownState,
  type LearnedState,
  type ModelState,
  type Profile,
  type Server,
  type ServerFacts,
} from './state';

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
  | { readonly type: 'profilesUnreadable'; readonly problem: FileProblem }
  | { readonly type: 'enginesFound'; readonly engines: AppState['engines'] }
  | { readonly type: 'modelsListed'; readonly models: readonly ModelChoice[] }
  | { readonly type: 'modelRead'; readonly model: ModelState }
  | { readonly type: 'wished'; readonly wish: Wish; readonly from: 'page' | 'host' }
  | ({ readonly type: 'learned' } & LearnedState)
  | { readonly type: 'knownResultsRead'; readonly known: KnownState }
  | { readonly type: 'coexistenceSeen'; readonly change: Partial<CoexistenceState> };

/** The same object where nothing changed: views compare by identity. */
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
      return { ...state, profiles: action.profiles, profilesProblem: null };
    case 'profilesUnreadable':
      return { ...state, profilesProblem: action.problem };
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
    case 'coexistenceSeen':
      return { ...state, coexistence: { ...state.coexistence, ...action.change } };
    case 'knownResultsRead':
      return { ...state, known: action.known };
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
      (sum, server) => (server.queued ? sum : sum + plannedBytesOn(server, gpu.index)),
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

/** Where its GPUs are not known, the plan's places stand for them. */
function plannedBytesOn({ gpus, plannedBytesPerGpu }: Server, index: number): number {
  return plannedBytesPerGpu[gpus ? gpus.indexOf(index) : index] ?? 0;
}

/** Of a pool shared with the system, everything that is not free: programs without a GPU fill it, too. */
function takenBytesOf({ memory, totalBytes, usedBytes, freeBytes }: Gpu): number | null {
  return memory === 'unified' && totalBytes !== null && freeBytes !== null
    ? Math.max(0, totalBytes - freeBytes)
    : usedBytes;
}
