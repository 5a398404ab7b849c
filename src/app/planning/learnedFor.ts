/** What a plan gets of what was learned. */
import { outcomesFor, recordsFor, type PlannedStart } from '../../learning/appliesTo';
import { otherFlags } from '../../learning/launchConditions';
import type { LearnedRecord } from '../../learning/learnedRecord';
import { modelIdentity } from '../../learning/modelIdentity';
import type { EngineId, GpuRequest, ModelRequest } from '../../shared/planRequest';
import type { PlanSurroundings } from '../../shared/wish';
import type { Settings } from '../settings';
import type { AppState } from '../state';

export interface PlannedModel {
  readonly engine: EngineId;
  /** As the user named it. */
  readonly model: string;
  readonly facts: ModelRequest;
  /** Of the wish; those of the settings come before them. */
  readonly extraArguments: readonly string[];
  /** The first one of the plan. */
  readonly gpu: GpuRequest | undefined;
}

/** Newest last; empty where learning is off. */
export function learnedFor(
  state: AppState,
  settings: Settings,
  planned: PlannedModel,
): PlanSurroundings['learned'] {
  if (!isUsed(state, settings)) return [];
  return outcomesFor(recordsOf(state), startOf(state, settings, planned)).map((outcome) => ({
    ...outcome,
  }));
}

/** The same with all that was kept of each. */
export function learnedRecordsFor(
  state: AppState,
  settings: Settings,
  planned: PlannedModel,
): readonly LearnedRecord[] {
  if (!isUsed(state, settings)) return [];
  return recordsFor(recordsOf(state), startOf(state, settings, planned));
}

const isUsed = ({ learned }: AppState, settings: Settings): boolean =>
  settings['learning.enabled'] && learned.entries.length > 0;

const recordsOf = ({ learned }: AppState) => learned.entries.map(({ record }) => record);

function startOf(state: AppState, settings: Settings, planned: PlannedModel): PlannedStart {
  const { engine, model, facts, extraArguments, gpu } = planned;
  const flags = engine === 'vllm' ? [...settings['vllm.extraArguments'], ...extraArguments] : [];
  return {
    engine,
    model: modelIdentity(model, facts),
    requestName: facts.name ?? facts.path ?? model,
    card: gpu ? { name: gpu.name ?? null, totalBytes: gpu.totalBytes } : null,
    otherFlags: otherFlags(flags),
    simulated: state.gpu.simulated,
  };
}
