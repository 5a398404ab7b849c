/** `profile check`: do the saved launches of a workspace fit a given card? For CI. */
import type { PlanAnswer, Verdict } from '../../shared/planAnswer';
import { parseProfiles } from '../launching/profiles';
import { answerPlan, modelFacts } from './answerPlan';
import {
  isRefusal,
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
  type CommandRefusal,
} from './command';
import { gpuFlagTable, gpusFromFlags } from './gpuFlags';
import { refusalOf } from './planCommand';
import { planText, VERDICT_EXIT, VERDICT_WORDS } from './planText';
import { readInputText } from './readInput';
import type { GpuRequest } from '../../shared/planRequest';

type SavedProfile = Extract<ReturnType<typeof parseProfiles>, { ok: true }>['value'][number];

interface CheckedProfile {
  readonly name: string;
  readonly engine: string;
  readonly model: string;
  readonly verdict: Verdict;
  readonly answer: PlanAnswer;
  readonly text: string;
}

/** One that does not fit decides for all, then one that can't be known, then a tight one. */
const WORST_FIRST: readonly Verdict[] = ['doesNotFit', 'unknown', 'tight', 'fits'];

export const profileCheckCommand: CliCommand = {
  name: 'profile check',
  summary: 'plans the saved launches of a workspace against a card',
  usage: [
    'profile check FILE.json [--gpu 24GiB|NAME|auto]… [--free 20GiB] [--name PROFILE] [--json]',
  ],
  flags: {
    ...gpuFlagTable,
    name: { type: 'string' },
    'engine-version': { type: 'string' },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  const [path, more] = input.positionals;
  if (path === undefined || more !== undefined)
    return refuse('profile check: expected one FILE.json');
  const text = await readInputText(doors, path);
  if (!text.ok) return refuseFailure(text.failure);
  const profiles = parseProfiles(text.value);
  if (!profiles.ok) return refuse(`${path}: ${profiles.failure.detail}`);
  const wanted = textFlag(input, 'name');
  const chosen = profiles.value.filter(({ name }) => wanted === null || name === wanted);
  if (chosen.length === 0)
    return refuse(
      wanted === null
        ? `${path}: profiles: found none, expected at least one`
        : `--name: found "${wanted}", expected one of ${profiles.value.map(({ name }) => name).join(', ')}`,
    );
  const gpus = await gpusFromFlags(input, doors);
  if (!gpus.ok) return refuseFailure(gpus.failure);
  const checked: CheckedProfile[] = [];
  for (const profile of chosen) {
    const one = await check(profile, gpus.value, textFlag(input, 'engine-version'), doors);
    if (isRefusal(one)) return { ...one, message: `profile "${profile.name}": ${one.message}` };
    checked.push(one);
  }
  const verdict = WORST_FIRST.find((word) => checked.some((one) => one.verdict === word));
  return {
    exitCode: VERDICT_EXIT[verdict ?? 'unknown'],
    json: {
      verdict: verdict ?? 'unknown',
      profiles: checked.map(({ name, engine, model, verdict: own, answer }) => ({
        name,
        engine,
        model,
        verdict: own,
        answer,
      })),
    },
    text: checked
      .map(({ name, verdict: own, text: body }) => `${name}: ${VERDICT_WORDS[own]}\n${body}`)
      .join('\n\n'),
  };
}

async function check(
  profile: SavedProfile,
  gpus: readonly GpuRequest[],
  engineVersion: string | null,
  doors: CommandDoors,
): Promise<CheckedProfile | CommandRefusal> {
  const { engine, model, options, extraArguments } = profile.wish;
  const facts = await modelFacts(model, engine, doors);
  if (!facts.ok) return refuseFailure(facts.failure);
  const planned = await answerPlan(
    { engine, engineVersion, model: facts.value, gpus, options },
    doors,
    { extraArguments, headersRead: true },
  );
  if (!planned.ok) return refusalOf(planned);
  const { request, answer } = planned.value;
  return {
    name: profile.name,
    engine,
    model,
    verdict: answer.verdict,
    answer,
    text: planText(request, answer),
  };
}
