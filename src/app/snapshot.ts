/** The complete picture that the planner page draws; a hidden page misses messages, so there are no deltas. */
import { addressOf } from '../engines/ollama/address';
import { PROTOCOL_VERSION, type OfferedLaunchRow, type Snapshot } from '../shared/protocol';
import { MIB } from '../shared/units';
import type { OfferedLaunch } from './learning/offeredLaunch';
import { coexistenceOf } from './coexistence/coexistence';
import { coexistenceLines } from './coexistence/coexistenceText';
import { plannableGpus } from './planning/plannableGpus';
import { surroundingsOf } from './planning/planService';
import { runningOf } from './planning/running';
import { poolText, serverDetail } from './servers/serverText';
import type { Settings } from './settings';
import { shortCommand } from './holders/shortCommand';
import { plannedBytesOf, serversInOrder, type AppState, type Server } from './state';

/** What the page is told of the world outside the state. */
export interface SnapshotSurroundings {
  readonly nowMs: number;
  readonly trusted: boolean;
  /** Free now; the one that the next launch would take. */
  readonly port: number;
}

export function snapshotOf(
  state: AppState,
  settings: Settings,
  { nowMs, trusted, port }: SnapshotSurroundings,
): Snapshot {
  const { sample, sampledAtMs, simulated, failure } = state.gpu;
  const { vllm, ollama } = state.engines;
  return {
    type: 'snapshot',
    protocolVersion: PROTOCOL_VERSION,
    simulated,
    trusted,
    sampleAgeMs: sampledAtMs === null ? null : nowMs - sampledAtMs,
    gpus: plannableGpus(sample?.gpus ?? []),
    holders: [...state.holders]
      .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
      .map((holder) => ({
        pid: holder.pid,
        label: shortCommand(holder.command),
        usedBytes: holder.usedBytes,
        gpus: [...holder.gpus],
      })),
    problems: [
      ...(failure ? [failure.text] : []),
      ...(sample?.problems ?? []).map((problem) => problem.text),
      ...state.known.problems,
      ...coexistenceLines(state, settings, nowMs),
    ],
    models: [...state.models],
    model: state.model?.facts
      ? {
          id: state.model.id,
          facts: state.model.facts,
          longestContext: state.model.longestContext,
          problem: state.model.problem,
          notes: [...(state.model.notes ?? [])],
        }
      : null,
    engines: {
      vllm: { found: vllm.found, version: vllm.version },
      ollama: { found: ollama.found, version: ollama.version },
    },
    launch: {
      vllmFile: vllm.file ?? 'vllm',
      ollamaFile: ollama.file ?? 'ollama',
      host: '127.0.0.1',
      port,
      ollamaPort: addressOf(settings['ollama.host']).port,
      extraArguments: settings['vllm.extraArguments'],
      environment: settings['vllm.environment'],
    },
    servers: serversInOrder(state).map((server) => ({
      id: server.id,
      title: server.title,
      engine: server.wish.engine,
      phase: server.phase,
      detail: serverDetail(server, nowMs, { withUse: false }),
      usedBytes: server.usedBytes,
      plannedBytes: plannedBytesOf(server),
      failed: server.endReason === 'failed' || server.endReason === 'crashed',
      failure: failureOf(server),
      stepUp: offeredOf(server.stepUp),
      kvUse: server.live?.kvUse ?? null,
      pool: server.live?.giveBack ? poolText(server) : null,
    })),
    defaults: {
      utilization: settings['vllm.defaultUtilization'],
      headroomBytes: settings['planner.headroomMiB'] * MIB,
    },
    coexistence: coexistenceOf(state, settings),
    learned: learnedForWish(state, settings),
    knownProfiles: [...state.known.profiles],
    running: runningOf(state, settings),
    wish: state.wish,
    wishRevision: state.wishRevision,
  };
}

/** For the model that the page plans; empty until its facts are read. */
function learnedForWish(state: AppState, settings: Settings): Snapshot['learned'] {
  const { wish, model } = state;
  return model?.facts ? [...surroundingsOf(state, settings, wish, model.facts).learned] : [];
}

function failureOf({ failure, diagnosis }: Server): Snapshot['servers'][number]['failure'] {
  if (!failure) return null;
  const { culprits, correction, reason } = failure;
  return {
    cause: diagnosis?.cause?.title ?? null,
    culprits: [...culprits],
    correction: offeredOf(correction),
    reason,
  };
}

function offeredOf(offer: OfferedLaunch | null): OfferedLaunchRow | null {
  return offer && { diff: [...offer.diff], why: offer.why, plan: offer.plan };
}
