/** `Explain This Plan`: the wish of this moment as `plan NAME` prints it in a terminal, with what was learned here. */
import { withArguments } from '../../engines/vllm/argumentOptions';
import { learnedWords } from '../../learning/words';
import { requestForWish } from '../../shared/wish';
import type { AppContext } from '../appContext';
import { learnedRecordsFor } from './learnedFor';
import type { ModelService } from '../models/modelService';
import { plannableGpus } from './plannableGpus';
import { answerRequest, commandSettingsFor, surroundingsOf } from './planService';
import { planText } from './planText';

export async function planReport(context: AppContext, models: ModelService): Promise<string> {
  await context.lookAtGpus();
  const settings = context.settings();
  const { wish } = context.store.state();
  if (wish.model === '') return 'No model is chosen: choose one in the planner first.\n';
  const reading = await models.read(wish.engine, wish.model);
  const state = context.store.state();
  const facts = reading.ok ? reading.value.facts : { name: wish.model };
  const port = wish.port ?? (await context.portChooser.preview());
  const command = commandSettingsFor(state, settings, wish, port);
  const wished = requestForWish(wish, surroundingsOf(state, settings, wish, facts));
  const request = withArguments(wished, command.extraArguments);
  const planned = plannableGpus(state.gpu.sample?.gpus ?? []);
  const usedBytes = planned.map((gpu) => gpu.usedBytes);
  const learned = learnedRecordsFor(state, settings, { ...wish, facts, gpu: planned[0] }).map(
    (record) => {
      const { title, conditions, seen } = learnedWords(record);
      return { title, conditions, seen, isGood: record.outcome.result === 'ready' };
    },
  );
  const notes = [
    ...(state.gpu.simulated ? ['SIMULATED GPU: these figures are made up.'] : []),
    ...(reading.ok ? reading.value.notes : [reading.failure.detail]),
    ...state.known.problems,
  ];
  return `${planText(request, answerRequest(wished, command), { learned, notes, usedBytes })}\n`;
}
