/** Reads the table that plain `nvidia-smi` prints: totals, MIG slices and processes of every type, names cut. */
import type { Gpu, GpuProcess, MigDevice } from '../gpu';
import { completeGpu, completeSlice } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { isIntegrated, linesOf, readCount, readMemory, readNumber, readText } from '../values';

const DRIVER = /\b(?:Driver|KMD) Version:\s*(\S+)/;
const GPU_NAME = /^\s*(\d{1,3})\s+(\S.*?)\s+(\S+)\s*$/;
const USED_OF_TOTAL = /(\d+\s*MiB)\s*\/\s*(\d+\s*MiB)/;
const PROCESS =
  /^\|\s+(\d{1,3})\s+(?:(N\/A|\d+)\s+(N\/A|\d+)\s+)?(\d+)\s+([A-Z](?:\+[A-Z])?)\s+(.*?)\s+(\S+)\s+\|$/;

type Section = 'gpus' | 'mig' | 'processes';

/** Of several tables in one recording the last counts. */
export function readTable(text: string): { gpus: Gpu[]; processes: GpuProcess[] } {
  const rounds = text.split(/(?=\|\s*NVIDIA-SMI\s+\d)/);
  const lines = linesOf(rounds.at(-1) ?? '');
  const cards = new Map<number, Partial<Omit<Gpu, 'index'>>>();
  const slices = new Map<number, MigDevice[]>();
  const processes: ProcessRow[] = [];
  const driverVersion = readText(DRIVER.exec(text)?.[1]);
  let section: Section = 'gpus';
  let current: number | null = null;
  for (const line of lines) {
    if (!line.startsWith('|') || line.length > 400) {
      current = null;
      continue;
    }
    if (/^\|\s*MIG devices:/.test(line)) section = 'mig';
    else if (/^\|\s*Processes:/.test(line)) section = 'processes';
    else if (section === 'processes') addProcess(line, processes);
    else if (section === 'mig') addSlice(line, slices);
    else if (current === null) {
      const card = readFirstLine(line);
      if (card) cards.set(card.index, { ...card.known, driverVersion });
      current = card?.index ?? null;
    } else {
      cards.set(current, { ...cards.get(current), ...readSecondLine(line, cards.get(current)) });
      current = null;
    }
  }
  const gpus = [...cards].map(([index, known]) => {
    const migDevices = slices.get(index);
    return completeGpu(index, migDevices ? { ...known, mig: true, migDevices } : known);
  });
  return { gpus, processes: mergeProcesses(processes) };
}

/** `|   0  NVIDIA GB10       On  |   0000000F:01:00.0 Off |     N/A |` */
function readFirstLine(line: string): { index: number; known: Partial<Gpu> } | null {
  const [, left, middle, right] = line.split('|');
  const match = GPU_NAME.exec(left ?? '');
  if (!match || middle === undefined || right === undefined) return null;
  const busId = readText(middle.trim().split(/\s+/)[0]);
  return { index: Number(match[1]), known: { name: readText(match[2]), busId } };
}

/** `| N/A   36C    P8     3W /  N/A  | Not Supported  |      0%      Default |` */
function readSecondLine(line: string, known: Partial<Gpu> | undefined): Partial<Gpu> {
  const [, left = '', middle = '', right = ''] = line.split('|');
  const memory = USED_OF_TOTAL.exec(middle);
  const power = /(\S+)\s*\/\s*(\S+)\s*$/.exec(left);
  const unified = /Not Supported/i.test(middle) || isIntegrated(known?.name);
  return {
    usedBytes: readMemory(memory?.[1]),
    totalBytes: readMemory(memory?.[2]),
    temperatureC: readNumber(/\s(-?\d+C)\s/.exec(left)?.[1], 'C'),
    powerW: readNumber(power?.[1], 'W'),
    powerLimitW: readNumber(power?.[2], 'W'),
    utilizationPercent: readNumber(/^\s*(\d+%)/.exec(right)?.[1], '%'),
    memory: unified ? 'unified' : 'dedicated',
  };
}

/** `|  0    2   0   0  |   11091MiB / 40448MiB    | 60      0 |  3   0 … |`; the line below it (BAR1) has no numbers on the left. */
function addSlice(line: string, slices: Map<number, MigDevice[]>): void {
  const [, left = '', middle = ''] = line.split('|');
  const ids = left.trim().split(/\s+/).map(readCount);
  const [gpu, gpuInstanceId, computeInstanceId, device] = ids;
  if (ids.length !== 4 || gpu == null) return;
  const memory = USED_OF_TOTAL.exec(middle);
  const slice = completeSlice({
    device: device ?? null,
    gpuInstanceId: gpuInstanceId ?? null,
    computeInstanceId: computeInstanceId ?? null,
    totalBytes: readMemory(memory?.[2]),
    usedBytes: readMemory(memory?.[1]),
  });
  slices.set(gpu, [...(slices.get(gpu) ?? []), slice]);
}

/** `|    0   N/A  N/A    28511      C   ffmpeg      230MiB |`; drivers before MIG print no instance columns. */
function addProcess(line: string, rows: ProcessRow[]): void {
  const match = PROCESS.exec(line);
  if (!match) return;
  const [, gpu = '', gi, ci, pid, type, name, memory] = match;
  rows.push({
    pid: Number(pid),
    gpuKey: gpu,
    gpuIndex: Number(gpu),
    usedBytes: readMemory(memory),
    name: readText(name),
    type,
    gpuInstanceId: readCount(gi) ?? undefined,
    computeInstanceId: readCount(ci) ?? undefined,
  });
}
