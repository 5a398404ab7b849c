/** From a server that failed to what can be said of it: who else was at work, one corrected launch, what was tried. */
import { outcomeOf, type Outcome } from '../../engines/diagnose';
import {
  correctedLaunchOf,
  MAX_FAILURES_IN_A_ROW,
  stepUpFrom,
} from '../../learning/correctedLaunch';
import { causeTitle } from '../../learning/causes';
import { failuresInARow } from '../../learning/triedBefore';
import { noFacts } from '../../engines/startFacts';
import type { ModelRequest, PlanOptions, PlanRequest } from '../../shared/planRequest';
import { requestForWish } from '../../shared/wish';
import { culpritsOf } from './culprits';
import {
  fixedBySettings,
  offerOf,
  offerOfOtherPort,
  offerOfSettings,
  type OfferedLaunch,
  type OfferInputs,
} from './offeredLaunch';
import { surroundingsOf } from '../planning/planService';
import { plannedBytesOf, type AppState, type Server } from '../state';

/** Plain data, kept with the server: tree, page, notification and the explanation show the same. */
export interface FailureReport {
  /** Sentences. */
  readonly culprits: readonly string[];
  readonly correction: OfferedLaunch | null;
  /** Why there is no corrected launch; null where there is one. */
  readonly reason: string | null;
  /** Settings that failed here before, one line each, oldest first; its own are the last. */
  readonly tried: readonly string[];
  /** Its output came to this window, which started it. */
  readonly isOwn: boolean;
}

export interface ReportInputs extends OfferInputs {
  /** Of this model on this card, oldest first. */
  readonly outcomes: readonly Outcome[];
}

export function reportOf(server: Server, inputs: ReportInputs): Omit<FailureReport, 'isOwn'> {
  const { state, settings, outcomes } = inputs;
  const { diagnosis } = server;
  const culprits = culpritsOf(server, state);
  const none = (reason: string, tried: readonly string[] = []) => ({
    culprits,
    correction: null,
    reason,
    tried,
  });
  if (server.origin === 'adopted')
    return none('It was started elsewhere, in an environment that is not known.');
  if (!diagnosis) return none('Nothing of its output came to this window.');
  const request = requestOf(server, inputs);
  const tried = failuresInARow(outcomes, request, startOutcome(server, inputs.facts)).map(
    triedText,
  );
  const lostItsPort = server.wish.engine === 'vllm' && diagnosis.cause?.id === 'port_in_use';
  if (lostItsPort && tried.length < MAX_FAILURES_IN_A_ROW) {
    const correction = offerOfOtherPort(server, inputs);
    if (correction) return { culprits, correction, reason: null, tried };
  }
  const eased = offerOfSettings(server, inputs);
  if (eased && tried.length < MAX_FAILURES_IN_A_ROW)
    return { culprits, correction: eased, reason: null, tried };
  const found = correctedLaunchOf({ request, diagnosis, outcomes });
  if ('reason' in found) return none(found.reason, tried);
  const fixed = server.wish.engine === 'vllm' ? fixedBySettings(found.change, settings) : null;
  if (fixed !== null) return none(fixed, tried);
  return { culprits, correction: offerOf(server, found, inputs), reason: null, tried };
}

/** One step up from settings that a failure had made small. null: nothing is held back, or no step is safe. */
export function stepUpOf(
  server: Server,
  inputs: ReportInputs,
  longestContext: number | null,
): OfferedLaunch | null {
  if (server.origin === 'adopted') return null;
  const { settings, outcomes } = inputs;
  const found = stepUpFrom(requestOf(server, inputs), outcomes, longestContext);
  if (!found || (server.wish.engine === 'vllm' && fixedBySettings(found.change, settings)))
    return null;
  return offerOf(server, found, { ...inputs, state: withoutServer(inputs.state, server) });
}

/** What a start of this window showed, in the words of learning; the model under the name that requests use. */
export function startOutcome(server: Server, facts: ModelRequest): Outcome {
  const launch = {
    model: facts.name ?? facts.path ?? server.wish.model,
    gpuName: server.conditions?.gpu?.name ?? null,
    options: optionsOf(server),
  };
  const { diagnosis } = server;
  const outcome = outcomeOf(
    diagnosis ?? {
      engine: server.wish.engine,
      engineVersion: server.engineVersion,
      stage: server.stage,
      result: 'ready',
      cause: null,
      remedy: null,
      facts: server.facts ?? noFacts,
    },
    launch,
  );
  // Ollama runs on, slower, where not all of it is on the GPU
  const isDegraded = server.wish.engine === 'ollama' && server.warnings.length > 0;
  return {
    ...outcome,
    result: server.phase === 'ended' ? 'failed' : isDegraded ? 'degraded' : 'ready',
    engineVersion: diagnosis?.engineVersion ?? server.engineVersion,
  };
}

/** As they took effect, where that is known. */
function optionsOf({ conditions, wish }: Server): PlanOptions {
  return conditions?.options ?? wish.options;
}

/** The launch as it was, on the machine as it is without it. */
function requestOf(server: Server, { state, settings, facts }: ReportInputs): PlanRequest {
  const around = surroundingsOf(withoutServer(state, server), settings, server.wish, facts);
  return {
    ...requestForWish(server.wish, around),
    model: { ...facts, name: facts.name ?? facts.path ?? server.wish.model },
    options: optionsOf(server),
    engineVersion: server.engineVersion ?? around.engineVersion,
  };
}

/** What it holds comes back before its successor starts. */
function withoutServer(state: AppState, server: Server): AppState {
  const { sample } = state.gpu;
  const servers = state.servers.filter(({ id }) => id !== server.id);
  if (server.phase === 'ended' || !sample) return { ...state, servers };
  const indices = server.gpus ?? sample.gpus.map(({ index }) => index);
  const heldBytes = (server.usedBytes ?? plannedBytesOf(server) ?? 0) / Math.max(1, indices.length);
  const gpus = sample.gpus.map((gpu) => {
    if (!indices.includes(gpu.index) || gpu.totalBytes === null) return gpu;
    const usedBytes = gpu.usedBytes === null ? null : Math.max(0, gpu.usedBytes - heldBytes);
    const freeBytes =
      gpu.freeBytes === null ? null : Math.min(gpu.totalBytes, gpu.freeBytes + heldBytes);
    return { ...gpu, usedBytes, freeBytes };
  });
  return { ...state, servers, gpu: { ...state.gpu, sample: { ...sample, gpus } } };
}

function triedText({ engine, options, causeId }: Outcome): string {
  const settings = Object.entries(options)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([option, value]) => `${option} ${JSON.stringify(value)}`);
  const cause = causeId === null ? 'failed' : causeTitle(engine, causeId);
  return `${settings.length === 0 ? 'default settings' : settings.join(', ')}: ${cause}`;
}
