/** `gpus`: what the GPU tools say, live or from a recorded output. */
import { readRecorded, RECORDED_TOOLS, type RecordedSample } from '../../gpu/recorded';
import { gpuNotes } from '../gpus/gpuNotes';
import { formatBytes, formatGib, formatPercent } from '../../shared/units';
import {
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
} from './command';
import { readInputText } from './readInput';
import { sampleGpus } from './sampleGpus';

export const gpusCommand: CliCommand = {
  name: 'gpus',
  summary: 'lists GPUs and the processes on them',
  usage: ['gpus [--from FILE|-] [--tool auto|nvidia-smi|…] [--json]'],
  flags: { from: { type: 'string' }, tool: { type: 'string' } },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  if (input.positionals.length > 0)
    return refuse(`gpus: found "${input.positionals.join(' ')}", expected flags only`);
  const tool = textFlag(input, 'tool') ?? 'auto';
  const tools = ['auto', ...new Set(RECORDED_TOOLS)];
  if (!tools.includes(tool))
    return refuse(`--tool: found "${tool}", expected one of ${tools.join(', ')}`);
  const from = textFlag(input, 'from');
  if (from === null) return answer((await sampleGpus(doors)) ?? NO_TOOL);
  const text = await readInputText(doors, from);
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
  const lines = sample.gpus.flatMap((gpu) => [
    `GPU ${String(gpu.index)}  ${gpu.name ?? 'unknown'}: ${formatGib(gpu.usedBytes)} of ${formatGib(gpu.totalBytes)} used` +
      `, busy ${formatPercent(gpu.utilizationPercent === null ? null : gpu.utilizationPercent / 100)}` +
      (gpu.temperatureC === null ? '' : `, ${String(gpu.temperatureC)} °C`) +
      (gpu.powerW === null ? '' : `, ${String(Math.round(gpu.powerW))} W`),
    ...gpuNotes(gpu).map((note) => `       ${note}`),
  ]);
  for (const process of sample.processes)
    lines.push(
      `  PID ${process.pid === null ? 'unknown' : String(process.pid)}  ${formatBytes(process.usedBytes)}  ${process.name ?? 'unknown'}` +
        (process.gpus.length === 0 ? '' : `  (GPU ${process.gpus.join(', ')})`),
    );
  for (const problem of sample.problems) lines.push(`Problem: ${problem.text}`);
  return lines.length > 0 ? lines.join('\n') : 'No GPU.';
}
