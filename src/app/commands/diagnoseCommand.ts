/** `diagnose`: why a server failed, from its output. */
import * as z from 'zod/mini';
import { detectEngine, diagnoseText } from '../../engines/diagnose';
import { correctedLaunchOf } from '../../learning/correctedLaunch';
import { outcomeSchema } from '../../learning/learnedRecord';
import { engineNames } from '../../shared/engineNames';
import { parsePlanRequest, type PlanRequest } from '../../shared/planRequest';
import { changeWords } from '../planning/adviceText';
import { STAGE_WORDS } from '../servers/serverText';
import {
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
} from './command';
import { readInputJson, readInputText } from './readInput';

const ENGINES = ['vllm', 'ollama', 'auto'] as const;

export const diagnoseCommand: CliCommand = {
  name: 'diagnose',
  summary: 'reads the output of a server and says what went wrong',
  usage: ['diagnose LOG|- [--engine vllm|ollama|auto] [--request FILE] [--json]'],
  flags: {
    engine: { type: 'string', value: 'vllm|ollama|auto', about: 'default: auto, by what it says' },
    request: {
      type: 'string',
      value: 'FILE',
      about: 'the plan request it was started with: the remedy is then a whole launch',
    },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  const [path, more] = input.positionals;
  if (path === undefined || more !== undefined) return refuse('diagnose: expected one LOG, or -');
  const word = textFlag(input, 'engine') ?? 'auto';
  const engine = ENGINES.find((known) => known === word);
  if (!engine) return refuse(`--engine: found "${word}", expected one of ${ENGINES.join(', ')}`);
  const requestPath = textFlag(input, 'request');
  let request: PlanRequest | null = null;
  if (requestPath !== null) {
    const document = await readInputJson(doors, requestPath);
    if (!document.ok) return refuseFailure(document.failure);
    const parsed = parsePlanRequest(document.value);
    if (!parsed.ok) return refuse(`${parsed.error.field}: ${parsed.error.message}`);
    request = parsed.value;
  }
  const text = await readInputText(doors, path);
  if (!text.ok) return refuseFailure(text.failure);
  const read = diagnoseText(text.value, request && engine === 'auto' ? request.engine : engine);
  const diagnosis = request ? corrected(completed(read, request), request) : read;
  return {
    exitCode: 0,
    json: diagnosis,
    text: diagnosisText(diagnosis, isNobodys(text.value, read)),
  };
}

type ReadDiagnosis = ReturnType<typeof diagnoseText>;

/** What the log does not show of the launch is known from the request that led to it; what it shows wins. */
function completed(diagnosis: ReadDiagnosis, request: PlanRequest): ReadDiagnosis {
  const { outcome } = diagnosis;
  return {
    ...diagnosis,
    engineVersion: diagnosis.engineVersion ?? request.engineVersion ?? null,
    outcome: {
      ...outcome,
      engineVersion: outcome.engineVersion ?? request.engineVersion ?? null,
      model: outcome.model ?? request.model.name ?? null,
      gpuName: outcome.gpuName ?? request.gpus[0]?.name ?? null,
      options: { ...request.options, ...outcome.options },
    },
  };
}

/**
 * With the request the remedy is the one corrected launch: what the output allows to compute, else what the planner finds
 * with its figures. Earlier outcomes are those of the request (`learned`); what failed before is not proposed again.
 */
function corrected(diagnosis: ReadDiagnosis, request: PlanRequest): ReadDiagnosis {
  const { remedy, cause, outcome } = diagnosis;
  if (diagnosis.result !== 'failed' || !cause) return diagnosis;
  const outcomes = (request.learned ?? []).flatMap((one) => {
    const parsed = z.safeParse(outcomeSchema, one);
    return parsed.success ? [parsed.data] : [];
  });
  const options = outcome.options;
  const engineVersion = diagnosis.engineVersion;
  const found = correctedLaunchOf({
    request: { ...request, options, engineVersion },
    diagnosis,
    outcomes,
  });
  if ('reason' in found) {
    if (!found.isRuledOut) return diagnosis;
    const why = `${found.reason} ${remedy?.why ?? ''}`.trim();
    return { ...diagnosis, remedy: { summary: remedy?.summary ?? found.reason, change: {}, why } };
  }
  const { change, why, source } = found;
  const summary =
    source === 'output' && remedy
      ? remedy.summary
      : `Start again with ${changeWords(diagnosis, change)}.`;
  return { ...diagnosis, remedy: { summary, change, why } };
}

function diagnosisText(diagnosis: ReadDiagnosis, isForeign: boolean): string {
  const { cause, remedy } = diagnosis;
  if (isForeign) return 'Nothing in it looks like the output of vLLM or Ollama.';
  const lines = [
    `${engineNames[diagnosis.engine]} ${diagnosis.engineVersion ?? '(version unknown)'}: ${diagnosis.result}, last stage: ${STAGE_WORDS[diagnosis.stage]}`,
  ];
  if (!cause) lines.push('No sign of a failure is in it.');
  if (cause) {
    lines.push('', `Cause: ${cause.title} (${cause.id})`);
    for (const { line, text } of cause.evidence) lines.push(`  line ${String(line)}: ${text}`);
  }
  if (remedy) {
    lines.push('', `What helps: ${remedy.summary}`, `  ${remedy.why}`);
    if (Object.keys(remedy.change).length > 0)
      lines.push(`  ${changeWords(diagnosis, remedy.change)}`);
  }
  return lines.join('\n');
}

/** Nobody's words are in it, and nothing was learned from it. */
const isNobodys = (text: string, { engineVersion, cause, stage }: ReadDiagnosis): boolean =>
  engineVersion === null && cause === null && stage === 'starting' && detectEngine(text) === null;
