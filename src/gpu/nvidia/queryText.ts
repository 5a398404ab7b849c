/** Reads the indented text of `nvidia-smi -q` (all of it, or parts by `-d`). */
import type { Gpu, GpuProcess, MigDevice } from '../gpu';
import { completeGpu, completeSlice } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import {
  isIntegrated,
  isNotSupported,
  linesOf,
  readCount,
  readNumber,
  readSize,
  readText,
  withoutTornEnd,
} from '../values';

const GPU_LINE = /^GPU ([0-9A-F]{4,8}:[0-9A-F]{2}:[0-9A-F]{2}\.\d)\s*$/i;
const FACT = /^( *)(\S.*?)\s+: ?(.*)$/;

/** Values by path ("FB Memory Usage/Total"), and the lists in it. */
interface Card {
  readonly busId: string;
  readonly values: Map<string, string>;
  readonly processes: Map<string, string>[];
  readonly slices: Map<string, string>[];
}

/** Of several logs in one recording the last counts. */
export function readQueryText(text: string): { gpus: Gpu[]; processes: GpuProcess[] } {
  const start = text.lastIndexOf('==NVSMI LOG==');
  const log = start === -1 ? text : text.slice(start);
  const driverVersion = readText(/^Driver Version\s+: (.*)$/m.exec(log)?.[1]);
  const cards = readCards(log);
  return {
    gpus: cards.map((card, index) => toGpu(card, index, driverVersion)),
    processes: mergeProcesses(
      cards.flatMap((card, index) => card.processes.flatMap((facts) => toProcessRow(facts, index))),
    ),
  };
}

function readCards(log: string): Card[] {
  const cards: Card[] = [];
  let headings: { indent: number; title: string }[] = [];
  // a log that ends in a digit was cut in a figure: each has its unit behind it
  for (const line of linesOf(withoutTornEnd(log, /\d$/))) {
    const busId = GPU_LINE.exec(line)?.[1];
    if (busId !== undefined) {
      cards.push({ busId, values: new Map(), processes: [], slices: [] });
      headings = [];
      continue;
    }
    const card = cards.at(-1);
    if (!card || line.trim() === '' || line.length > 5000) continue;
    const indent = line.length - line.trimStart().length;
    headings = headings.filter((heading) => heading.indent < indent);
    const fact = FACT.exec(line);
    if (fact)
      addFact(
        card,
        headings.map((heading) => heading.title),
        fact[2] ?? '',
        fact[3] ?? '',
      );
    else {
      const title = line.trim();
      headings.push({ indent, title });
      if (title === 'MIG Device') card.slices.push(new Map());
    }
  }
  return cards;
}

function addFact(card: Card, path: readonly string[], key: string, value: string): void {
  if (path[0] === 'Processes') {
    // The instance ids come before the process they belong to.
    const startsNew =
      key === 'GPU instance ID' ||
      (key === 'Process ID' && card.processes.at(-1)?.has(key) !== false);
    if (startsNew) card.processes.push(new Map());
    card.processes.at(-1)?.set(key, value);
  } else if (path[0] === 'MIG Device') {
    card.slices.at(-1)?.set([...path.slice(1), key].join('/'), value);
  } else {
    card.values.set([...path, key].join('/').toLowerCase(), value);
  }
}

function toGpu(card: Card, index: number, driverVersion: string | null): Gpu {
  const value = (...paths: string[]) => {
    const texts = paths.map((path) => card.values.get(path.toLowerCase()));
    return texts.find((text) => text !== undefined && readText(text) !== null) ?? texts[0];
  };
  const name = readText(value('Product Name'));
  const total = value('FB Memory Usage/Total');
  const slices = card.slices.map(toSlice);
  const mig = value('MIG Mode/Current');
  return completeGpu(index, {
    name,
    uuid: readText(value('GPU UUID')),
    busId: readText(value('PCI/Bus Id')) ?? card.busId,
    totalBytes: readSize(total),
    usedBytes: readSize(value('FB Memory Usage/Used')),
    freeBytes: readSize(value('FB Memory Usage/Free')),
    reservedBytes: readSize(value('FB Memory Usage/Reserved')),
    utilizationPercent: readNumber(value('Utilization/Gpu'), '%'),
    temperatureC: readNumber(value('Temperature/GPU Current Temp'), 'C'),
    powerW: readNumber(
      value(
        'GPU Power Readings/Power Draw',
        'GPU Power Readings/Instantaneous Power Draw',
        'GPU Power Readings/Average Power Draw',
        'Power Readings/Power Draw',
      ),
      'W',
    ),
    powerLimitW: readNumber(
      value('GPU Power Readings/Current Power Limit', 'Power Readings/Enforced Power Limit'),
      'W',
    ),
    memory:
      isIntegrated(name) || (total !== undefined && isNotSupported(total))
        ? 'unified'
        : 'dedicated',
    driverVersion,
    ...(mig === undefined ? {} : { mig: mig.trim() === 'Enabled' }),
    ...(slices.length === 0 ? {} : { migDevices: slices }),
  });
}

function toSlice(facts: ReadonlyMap<string, string>): MigDevice {
  return completeSlice({
    device: readCount(facts.get('Index')),
    gpuInstanceId: readCount(facts.get('GPU Instance ID')),
    computeInstanceId: readCount(facts.get('Compute Instance ID')),
    totalBytes: readSize(facts.get('FB Memory Usage/Total')),
    usedBytes: readSize(facts.get('FB Memory Usage/Used')),
    freeBytes: readSize(facts.get('FB Memory Usage/Free')),
  });
}

function toProcessRow(facts: ReadonlyMap<string, string>, gpuIndex: number): ProcessRow[] {
  const pid = readCount(facts.get('Process ID'));
  if (pid === null) return [];
  return [
    {
      pid,
      gpuKey: String(gpuIndex),
      gpuIndex,
      usedBytes: readSize(facts.get('Used GPU Memory')),
      name: readText(facts.get('Name')),
      type: readText(facts.get('Type')) ?? undefined,
      gpuInstanceId: readCount(facts.get('GPU instance ID')) ?? undefined,
      computeInstanceId: readCount(facts.get('Compute instance ID')) ?? undefined,
    },
  ];
}
