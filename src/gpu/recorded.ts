/** Which tools' recorded outputs can be read, for `gpus --from FILE --tool NAME`. A new GPU tool is one more row. */
import type { Gpu, GpuProcess, GpuSample } from './gpu';
import { amdSmiAnswerOf, readAmdSmi } from './amd/amdSmi';
import { amdSmiRows, rocmSmiCards } from './amd/recordedText';
import { readRocmSmi, rocmSmiAnswerOf } from './amd/rocmSmi';
import { isIoreg, readIoreg } from './apple/ioreg';
import { readSystemProfiler } from './apple/systemProfiler';
import { readFdinfo } from './drm/fdinfo';
import { readXpuRecording } from './intel/recordedForms';
import { readXpuSmi } from './intel/xpuSmi';
import { readNvidiaOutput } from './nvidia/output';
import { recordedProblem } from './toolProblems';
import { firstLine, plainText } from './values';
import { readCounters } from './windows/counters';
import { readCounterText } from './windows/counterText';

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
  {
    names: ['amd-smi'],
    read: (text) => sampleOf(readAmdSmi(text) ?? amdSmiAnswerOf(amdSmiRows(text))),
  },
  {
    names: ['rocm-smi'],
    read: (text) => sampleOf(readRocmSmi(text) ?? rocmSmiAnswerOf(rocmSmiCards(text))),
  },
  { names: ['xpu-smi'], read: (text) => sampleOf(readXpuSmi(text) ?? readXpuRecording(text)) },
  {
    names: ['ioreg'],
    read: readAccelerators,
  },
  {
    names: ['system_profiler'],
    read: (text) => {
      const gpus = readSystemProfiler(text);
      return gpus && sampleOf({ gpus });
    },
  },
  { names: ['fdinfo'], read: readClients },
  {
    names: ['windows-counters'],
    read: (text) => sampleOf(readCounters(text) ?? readCounterText(text)),
  },
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
export function readRecorded(recording: string, tool: string): RecordedSample | null {
  const tools = TOOLS.filter((row) => tool === 'auto' || row.names.includes(tool));
  if (tools.length === 0) return null;
  const text = plainText(recording);
  for (const row of tools) {
    const sample = row.read(text);
    if (sample) return sample;
  }
  const problem = recordedProblem(text);
  if (problem) return { gpus: [], processes: [], problems: [problem] };
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

/** Virtual machines have an accelerator without statistics. */
function readAccelerators(text: string): RecordedSample | null {
  if (isIoreg(text)) return sampleOf({ gpus: readIoreg(text) });
  const problem = { id: 'no_devices', text: `ioreg names no GPU with figures: ${firstLine(text)}` };
  return text.startsWith('+-o ') ? { gpus: [], processes: [], problems: [problem] } : null;
}

/** One descriptor, or those of a whole process one after the other, of which copies show the same client again. */
function readClients(text: string): RecordedSample | null {
  const clients = new Map<string, RecordedProcess>();
  for (const part of text.split(/^(?=pos:\s)/m)) {
    const client = readFdinfo(part);
    if (!client) continue;
    const { clientId, busId, vramBytes, gttBytes } = client;
    const process = { pid: null, usedBytes: vramBytes, name: null, gpus: [], clientId, busId };
    const key = clientId === null ? `${String(clients.size)} of them` : String(clientId);
    clients.set(`${String(busId)} ${key}`, { ...process, gttBytes });
  }
  return clients.size > 0 ? { gpus: [], processes: [...clients.values()], problems: [] } : null;
}
