/** `profile check`: do the saved launches of a workspace fit a given card? For CI. */
import type { PlanAnswer, Verdict } from '../../shared/planAnswer';
import { parseProfiles } from '../launching/profiles';
import { VERDICT_WORDS } from '../planning/adviceText';
import { planText, reasonOf } from '../planning/planText';
import { answerPlan, modelFacts, unknownWords } from './answerPlan';
import { columns } from './columns';
import {
  isRefusal,
  refuse,
  refuseFailure,
  textFlag,
  VERDICT_EXIT,
  VERDICT_EXITS,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
  type CommandRefusal,
} from './command';
import { gpuFlagTable, gpusFromFlags } from './gpuFlags';
import { engineVersionFlag } from './optionFlags';
import { refusalOf } from './planCommand';
import { readInputText } from './readInput';
import type { GpuRequest } from '../../shared/planRequest';

type SavedProfile = Extract<ReturnType<typeof parseProfiles>, { ok: true }>['value'][number];

interface CheckedProfile {
  readonly name: string;
  readonly engine: string;
  readonly model: string;
  readonly verdict: Verdict;
  readonly answer: PlanAnswer;
  /** Values in its command that this version of vLLM does not know. */
  readonly problems: readonly string[];
  readonly text: string;
}

/** One that does not fit decides for all, then one that can't be known, then a tight one. */
const WORST_FIRST: readonly Verdict[] = ['doesNotFit', 'unknown', 'tight', 'fits'];

export const profileCheckCommand: CliCommand = {
  name: 'profile check',
  summary: 'plans the saved launches of a workspace against a card',
  usage: [
    'profile check .vscode/vram-pilot.profiles.json [--gpu 24GiB|NAME|auto]… [--name PROFILE]',
  ],
  more: [`${VERDICT_EXITS}; of several the worst.`],
  flags: {
    ...gpuFlagTable,
    name: { type: 'string', value: 'PROFILE', about: 'only this one; default: all' },
    'engine-version': { type: 'string', value: 'V', about: 'default: the newest known' },
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
  const engineVersion = engineVersionFlag(input);
  if (!engineVersion.ok) return refuseFailure(engineVersion.failure);
  const gpus = await gpusFromFlags(input, doors);
  if (!gpus.ok) return refuseFailure(gpus.failure);
  const checked: CheckedProfile[] = [];
  for (const profile of chosen) {
    const one = await check(profile, gpus.value, engineVersion.value, {
      ...doors,
      tell: (line) => {
        doors.tell(`${profile.name}: ${line}`);
      },
    });
    if (isRefusal(one)) return { ...one, message: `profile "${profile.name}": ${one.message}` };
    checked.push(one);
  }
  const verdict = WORST_FIRST.find((word) => checked.some((one) => one.verdict === word));
  return {
    exitCode: VERDICT_EXIT[verdict ?? 'unknown'],
    json: {
      verdict: verdict ?? 'unknown',
      profiles: checked.map(({ name, engine, model, verdict: own, answer, problems }) => ({
        name,
        engine,
        model,
        verdict: own,
        answer,
        problems,
      })),
    },
    text: checkText(checked),
  };
}

/** A line each; the whole plan of those that are not sure to fit, and of one alone. */
function checkText(checked: readonly CheckedProfile[]): string {
  const lines = columns(
    checked.map(({ name, verdict, answer }) => [name, VERDICT_WORDS[verdict], reasonOf(answer)]),
  );
  const problems = checked.flatMap(({ name, problems: own }) =>
    own.map((problem) => `${name}: ${problem}`),
  );
  const bodies = checked
    .filter(({ verdict }) => verdict !== 'fits' || checked.length === 1)
    .map(({ name, text }) => `\n${name}: ${text}`);
  return [...lines, ...problems, ...bodies].join('\n');
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
    problems: unknownWords(planned.value),
    text: planText(request, answer),
  };
}
