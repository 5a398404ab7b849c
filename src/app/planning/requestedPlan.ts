/** The plan for a request from outside this window, as other extensions make it: its own GPUs, what was learned here. */
import { withCardTotals } from '../../planner/cardNames';
import type { PlanAnswer } from '../../shared/planAnswer';
import { parsePlanRequest } from '../../shared/planRequest';
import type { AppContext } from '../appContext';
import { PREFERRED_PORT } from '../launching/portChooser';
import { bareHubName } from '../models/completeFromHub';
import type { ModelService } from '../models/modelService';
import { learnedFor } from './learnedFor';
import { answerRequest, commandSettingsFor } from './planService';
import { emptyWish } from './wishes';

/** Throws with the field's name where the request is invalid. A bare name is read from the hub where the user allows that. */
export async function planRequested(
  { store, settings }: Pick<AppContext, 'store' | 'settings'>,
  models: Pick<ModelService, 'read'>,
  request: unknown,
): Promise<PlanAnswer> {
  const parsed = parsePlanRequest(withCardTotals(request));
  if (!parsed.ok) throw new Error(`${parsed.error.field}: ${parsed.error.message}`);
  const { engine, model, gpus, learned } = parsed.value;
  const wish = { ...emptyWish(settings()), engine };
  const command = commandSettingsFor(store.state(), settings(), wish, PREFERRED_PORT);
  const onHub = settings()['hub.allowRequests'] ? bareHubName(engine, model) : null;
  const reading = onHub === null ? null : await models.read(engine, onHub);
  const facts = reading?.ok ? reading.value.facts : model;
  const known = learnedFor(store.state(), settings(), {
    engine,
    model: facts.name ?? facts.path ?? '',
    facts,
    extraArguments: [],
    gpu: gpus[0],
  });
  return answerRequest({ ...parsed.value, model: facts, learned: learned ?? [...known] }, command);
}
