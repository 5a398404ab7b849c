/** `plan`: one request, a stream of requests, or a model named on the command line. */
import { describePython } from '../../engines/vllm/python';
import { isOllamaTag } from '../../models/modelName';
import { KNOWN_PROFILES_FILE, readKnownProfiles } from '../../planner/knownProfiles';
import { parseJson } from '../../shared/json';
import type { KnownProfile } from '../../shared/knownProfile';
import { flagOfOption } from '../planning/flagOfOption';
import { planText } from '../planning/planText';
import { answerPlan, modelFacts, unknownWords, type PlannedResult } from './answerPlan';
import {
  EXIT_MISSING,
  EXIT_USAGE,
  isRefusal,
  isSet,
  oneLine,
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
import {
  engineVersionFlag,
  optionFlagLines,
  optionFlagTable,
  optionsFromFlags,
  ownOptions,
} from './optionFlags';
import { readInputJson, readInputText } from './readInput';

export const planCommand: CliCommand = {
  name: 'plan',
  summary: 'says whether a model fits, and with which settings',
  usage: [
    'plan NAME_OR_PATH [--gpu 24GiB|NAME|auto]… [options] [flags of the engine]',
    'plan --request FILE|-',
    'plan --requests FILE.jsonl|-',
  ],
  more: [
    'NAME_OR_PATH: a model of a hub, a tag of Ollama (qwen3:8b), a folder with config.json and safetensors, or a .gguf file.',
    '',
    ...optionFlagLines(),
    '',
    `${VERDICT_EXITS}; with --requests 0.`,
  ],
  flags: {
    ...gpuFlagTable,
    ...optionFlagTable,
    engine: { type: 'string', value: 'vllm|ollama', about: 'default: by the name or file' },
    'engine-version': { type: 'string', value: 'V', about: 'default: the newest known' },
    hub: { type: 'boolean', about: 'asks the model hub for sizes' },
    python: { type: 'boolean', about: 'with --json: the Python form, too' },
    request: {
      type: 'string',
      value: 'FILE|-',
      about: 'a whole request as JSON; - is standard input',
    },
    requests: {
      type: 'string',
      value: 'FILE.jsonl|-',
      about: 'a request a line in, an answer a line out',
    },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  const { positionals } = input;
  const request = textFlag(input, 'request');
  const requests = textFlag(input, 'requests');
  const forms = [request, requests, positionals[0]].filter((form) => form != null);
  if (forms.length !== 1 || positionals.length > 1) {
    const found = positionals.map((word) => `"${word}"`).join(' and ');
    return refuse(
      `plan: ${positionals.length > 1 ? `found ${found}, ` : ''}expected one NAME_OR_PATH, --request FILE or --requests FILE`,
    );
  }
  if (positionals[0] === '-')
    return refuse('plan: found "-", expected NAME_OR_PATH, or --request - for standard input');
  if (isSet(input, 'hub') && positionals.length === 0)
    return refuse('--hub: found without NAME_OR_PATH, expected with it');
  if (requests !== null) return answerStream(requests, doors);
  if (request !== null) {
    const document = await readInputJson(doors, request);
    if (!document.ok) return refuseFailure(document.failure);
    return outcomeOf(await answerPlan(document.value, doors), isSet(input, 'python'));
  }
  const asked = await requestFromFlags(input, doors);
  if (isRefusal(asked)) return asked;
  const document = { ...asked, knownProfiles: await ownProfiles(doors) };
  const planned = await answerPlan(document, doors, { headersRead: true });
  if (!planned.ok) return refusalOf(planned, flagOfField);
  for (const remark of unknownWords(planned.value)) doors.tell(remark);
  return outcomeOf(planned, isSet(input, 'python'));
}

/** On the command line nobody wrote `options.maxModelLen`. */
const flagOfField = (field: string): string =>
  /^(?:options\.)?\w+$/.test(field) ? flagOfOption(field.replace('options.', '')) : field;

/** The workspace's own known results; an unreadable file is said and left out. */
async function ownProfiles(doors: CommandDoors): Promise<readonly KnownProfile[]> {
  const path = doors.files.join('.vscode', KNOWN_PROFILES_FILE);
  if (!(await doors.files.stat(path))) return [];
  const text = await readInputText(doors, path);
  const own = text.ok ? readKnownProfiles(text.value) : text;
  if (!own.ok) doors.tell(own.failure.detail);
  return own.ok ? own.value : [];
}

/** @param withPython in the document, too; the text has it anyway */
function outcomeOf(planned: PlannedResult, withPython: boolean): CommandOutcome {
  if (!planned.ok) return refusalOf(planned);
  const { request, answer } = planned.value;
  const python = withPython && request.engine === 'vllm' ? describePython(request, answer) : null;
  return {
    exitCode: VERDICT_EXIT[answer.verdict],
    json: python === null ? answer : { ...answer, python },
    text: planText(request, answer),
  };
}

export function refusalOf(
  planned: Exclude<PlannedResult, { ok: true }>,
  nameOf = (field: string): string => field,
): CommandRefusal {
  if ('invalid' in planned) {
    const { field, message } = planned.invalid;
    return refuse(field === '' ? `request: ${message}` : `${nameOf(field)}: ${message}`);
  }
  const { reason, detail } = planned.failure;
  return {
    exitCode: reason === 'missing' ? EXIT_MISSING : EXIT_USAGE,
    message: oneLine(detail),
  };
}

/** People copy the address of a model's page. */
const nameOfPage = (text: string): string =>
  /^https?:\/\/[^/]+\/([\w.-]+\/[\w.:-]+)/.exec(text)?.[1] ?? text;

async function requestFromFlags(
  input: CommandInput,
  doors: CommandDoors,
): Promise<Record<string, unknown> | CommandRefusal> {
  const options = optionsFromFlags(input);
  if (!options.ok) return refuseFailure(options.failure);
  const engineVersion = engineVersionFlag(input);
  if (!engineVersion.ok) return refuseFailure(engineVersion.failure);
  const gpus = await gpusFromFlags(input, doors);
  if (!gpus.ok) return refuseFailure(gpus.failure);
  const name = nameOfPage(input.positionals[0] ?? '');
  const asked = textFlag(input, 'engine') ?? (isOllamaTag(name) ? 'ollama' : null);
  const hubUse = { isAllowed: isSet(input, 'hub') };
  const model = await modelFacts(name, asked ?? 'vllm', doors, hubUse);
  if (!model.ok) return refuseFailure(model.failure);
  if (asked === null && !model.value.path && !name.includes('/'))
    doors.tell('Planned for vLLM; with --engine ollama it is taken as a model of Ollama.');
  const engine = asked ?? (model.value.gguf == null ? 'vllm' : 'ollama');
  const own = ownOptions(engine === 'ollama' ? 'ollama' : 'vllm', options.value);
  for (const remark of own.remarks) doors.tell(remark);
  return {
    engine,
    engineVersion: engineVersion.value,
    model: model.value,
    gpus: gpus.value,
    options: own.options,
  };
}

/** Answers are written in pieces of this size: a write per line would cost more than the plans. */
const PIECE_CHARACTERS = 1 << 16;

async function answerStream(path: string, doors: CommandDoors): Promise<CommandOutcome> {
  if (path !== '-') {
    const facts = await doors.files.stat(path);
    if (facts?.kind !== 'file')
      return refuseFailure({ reason: 'notFound', detail: `${path} is missing or no file` });
  }
  let pending = '';
  for await (const line of doors.readLines(path)) {
    if (line.trim() === '') continue;
    pending += `${JSON.stringify(await answerLine(line, doors))}\n`;
    if (pending.length < PIECE_CHARACTERS) continue;
    await doors.write(pending);
    pending = '';
  }
  await doors.write(pending);
  return { streamed: true };
}

async function answerLine(line: string, doors: CommandDoors): Promise<unknown> {
  const document = parseJson(line);
  if (document === undefined) return { error: { field: '', message: 'not JSON' } };
  const planned = await answerPlan(document, doors);
  if (planned.ok) return planned.value.answer;
  if ('invalid' in planned) return { error: planned.invalid };
  return { error: { field: 'model.path', message: oneLine(planned.failure.detail) } };
}
