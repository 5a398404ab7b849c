/** What a launch notes of itself, so that its end can be learned from, also by another window after a reload. */
import { launchConditions } from '../../learning/launchConditions';
import type { LaunchConditions } from '../../learning/learnedRecord';
import type { AppContext } from '../appContext';
import type { Prepared } from './deploy';
import { plannableGpus } from '../planning/plannableGpus';
import { commandSettingsFor } from '../planning/planService';

export function conditionsOf(context: AppContext, prepared: Prepared): LaunchConditions {
  const { wish, answer, port, reading } = prepared;
  const state = context.store.state();
  const first = answer.perGpu[0]?.index ?? 0;
  return launchConditions({
    engine: wish.engine,
    model: wish.model,
    facts: reading?.facts ?? {},
    options: wish.options,
    extraArguments: commandSettingsFor(state, context.settings(), wish, port).extraArguments,
    answer,
    gpuName: plannableGpus(state.gpu.sample?.gpus ?? [])[first]?.name ?? null,
  });
}
