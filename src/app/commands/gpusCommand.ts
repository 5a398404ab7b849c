/** `gpus`: what the GPU tools say, live or from a recorded output. */
import { readRecorded, RECORDED_TOOLS, type RecordedSample } from '../../gpu/recorded';
import { gpuNotes } from '../gpus/gpuNotes';
import { formatBytes, formatGib, formatPercent } from '../../shared/units';
import { columns } from './columns';
import {
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
} from './command';
import { MAX_DOCUMENT_BYTES, readInputText } from './readInput';
import { sampleGpus } from './sampleGpus';

const TOOLS: readonly string[] = ['auto', ...new Set(RECORDED_TOOLS)];

export const gpusCommand: CliCommand = {
  name: 'gpus',
  summary: 'lists GPUs and the processes on them',
  usage: ['gpus [--from FILE|-] [--tool auto|nvidia-smi|…] [--json]'],
  flags: {
    from: { type: 'string', value: 'FILE|-', about: 'a recorded output of a GPU tool, not live' },
    tool: { type: 'string', value: 'TOOL', about: `of which tool: ${TOOLS.join(', ')}` },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  if (input.positionals.length > 0)
    return refuse(`gpus: found "${input.positionals.join(' ')}", expected flags only`);
  const tool = textFlag(input, 'tool') ?? 'auto';
  if (!TOOLS.includes(tool))
    return refuse(`--tool: found "${tool}", expected one of ${TOOLS.join(', ')}`);
  const from = textFlag(input, 'from');
  if (from === null) return answer((await sampleGpus(doors)) ?? NO_TOOL);
  const text = await readInputText(doors, from, MAX_DOCUMENT_BYTES);
  if (!text.ok) return refuseFailure(text.failure);
  return answer(readRecorded(text.value, tool) ?? NO_TOOL);
}

const NO_TOOL: RecordedSample = {
  gpus: [],
  processes: [],
  problems: [{ id: 'tool_missing', text: 'No GPU tool was found on this machine.' }],
};

function answer(sample: RecordedSample): CommandOutcome {
  return { exitCode: 0, json: sample, text: gpusText(sample) };
}

function gpusText(sample: RecordedSample): string {
  const rows = columns(
    sample.gpus.map((gpu) => [
      `GPU ${String(gpu.index)}`,
      gpu.name ?? 'unnamed',
      usedWords(gpu),
      gpu.utilizationPercent === null ? '' : `${formatPercent(gpu.utilizationPercent / 100)} busy`,
      gpu.temperatureC === null ? '' : `${String(Math.round(gpu.temperatureC))} °C`,
      gpu.powerW === null ? '' : `${String(Math.round(gpu.powerW))} W`,
    ]),
  );
  const lines = sample.gpus.flatMap((gpu, at) => [
    rows[at] ?? '',
    ...gpuNotes(gpu).map((note) => `       ${note}`),
  ]);
  const processes = sample.processes.map(({ pid, usedBytes, name, gpus }) => [
    `  PID ${pid === null ? 'unknown' : String(pid)}`,
    formatBytes(usedBytes),
    gpus.length === 0 ? '' : `GPU ${gpus.join(', ')}`,
    name ?? 'unknown program',
  ]);
  lines.push(...columns(processes));
  for (const problem of sample.problems) lines.push(`Problem: ${problem.text}`);
  return lines.length > 0 ? lines.join('\n') : 'No GPU.';
}

function usedWords({ usedBytes, totalBytes }: RecordedSample['gpus'][number]): string {
  if (usedBytes === null) return totalBytes === null ? 'memory unknown' : formatGib(totalBytes);
  return totalBytes === null
    ? `${formatGib(usedBytes)} used`
    : `${formatGib(usedBytes)} of ${formatGib(totalBytes)} used`;
}
