/** What a plan gets of what was learned. */
import { outcomesFor } from '../learning/appliesTo';
import { otherFlags } from '../learning/launchConditions';
import { modelIdentity } from '../learning/modelIdentity';
import type { EngineId, GpuRequest, ModelRequest } from '../shared/planRequest';
import type { PlanSurroundings } from '../shared/wish';
import type { Settings } from './settings';
import type { AppState } from './state';

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
  const { engine, model, facts, extraArguments, gpu } = planned;
  if (!settings['learning.enabled'] || state.learned.entries.length === 0) return [];
  const flags = engine === 'vllm' ? [...settings['vllm.extraArguments'], ...extraArguments] : [];
  return outcomesFor(
    state.learned.entries.map(({ record }) => record),
    {
      engine,
      model: modelIdentity(model, facts),
      requestName: facts.name ?? facts.path ?? model,
      card: gpu ? { name: gpu.name ?? null, totalBytes: gpu.totalBytes } : null,
      otherFlags: otherFlags(flags),
      simulated: state.gpu.simulated,
    },
  ).map((outcome) => ({ ...outcome }));
}
