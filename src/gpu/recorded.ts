/** Which tools' recorded outputs can be read, for `gpus --from FILE --tool NAME`. A new GPU tool is one more row. */
import type { Gpu, GpuProcess, GpuSample } from './gpu';
import { readAmdSmi } from './amd/amdSmi';
import { readRocmSmi } from './amd/rocmSmi';
import { isIoreg, readIoreg } from './apple/ioreg';
import { readSystemProfiler } from './apple/systemProfiler';
import { readFdinfo } from './drm/fdinfo';
import { readXpuSmi } from './intel/xpuSmi';
import { readNvidiaOutput } from './nvidia/output';
import { firstLine } from './values';
import { readCounters } from './windows/counters';

/** What one output tells by itself: of a descriptor's text nobody knows whose it is. */
export interface RecordedProcess extends Omit<GpuProcess, 'pid'> {
  readonly pid: number | null;
  /** Only from fdinfo: which opening of which GPU, and its share of system memory. */
  readonly clientId?: number | null;
  readonly busId?: string | null;
  readonly gttBytes?: number | null;
}

export interface RecordedSample extends Omit<GpuSample, 'processes'> {
  readonly processes: readonly RecordedProcess[];
}

interface RecordedTool {
  readonly names: readonly string[];
  /** null: not an output of this tool. */
  read(text: string): RecordedSample | null;
}

const TOOLS: readonly RecordedTool[] = [
  { names: ['amd-smi'], read: (text) => sampleOf(readAmdSmi(text)) },
  { names: ['rocm-smi'], read: (text) => sampleOf(readRocmSmi(text)) },
  { names: ['xpu-smi'], read: (text) => sampleOf(readXpuSmi(text)) },
  {
    names: ['ioreg'],
    read: (text) => (isIoreg(text) ? sampleOf({ gpus: readIoreg(text) }) : null),
  },
  {
    names: ['system_profiler'],
    read: (text) => {
      const gpus = readSystemProfiler(text);
      return gpus && sampleOf({ gpus });
    },
  },
  { names: ['fdinfo'], read: readClient },
  { names: ['windows-counters'], read: (text) => sampleOf(readCounters(text)) },
  {
    names: ['nvidia-smi', 'tegrastats'],
    read: (text) => {
      const sample = readNvidiaOutput(text);
      return sample.problems.some(({ id }) => id === 'bad_output') ? null : sample;
    },
  },
];

/** Values that `readRecorded` takes beside `auto`. */
export const RECORDED_TOOLS: readonly string[] = TOOLS.flatMap((tool) => tool.names);

/** `auto` goes by the text alone. null: no such tool. Unreadable text is a problem of the sample, never a throw. */
export function readRecorded(text: string, tool: string): RecordedSample | null {
  const tools = TOOLS.filter((row) => tool === 'auto' || row.names.includes(tool));
  if (tools.length === 0) return null;
  for (const row of tools) {
    const sample = row.read(text);
    if (sample) return sample;
  }
  const line = firstLine(text);
  const whose = tool === 'auto' ? 'a GPU tool' : tool;
  return {
    gpus: [],
    processes: [],
    problems: [
      {
        id: 'bad_output',
        text:
          line === ''
            ? 'The output is empty.'
            : `This is no output of ${whose} that can be read: ${line}`,
      },
    ],
  };
}

function sampleOf(
  answer: { gpus: readonly Gpu[]; processes?: readonly GpuProcess[] } | null,
): RecordedSample | null {
  return answer && { gpus: answer.gpus, processes: answer.processes ?? [], problems: [] };
}

function readClient(text: string): RecordedSample | null {
  const client = readFdinfo(text);
  if (!client) return null;
  const { clientId, busId, vramBytes, gttBytes } = client;
  const process = { pid: null, usedBytes: vramBytes, name: null, gpus: [], clientId, busId };
  return { gpus: [], processes: [{ ...process, gttBytes }], problems: [] };
}
