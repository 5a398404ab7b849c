/**
 * Windows' counters as people record them: `Get-Counter`, `typeperf`, and the JSON of their CIM classes. They name nobody
 * and no total: an adapter is known by its LUID alone.
 */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { listOf, numberOf, readJsonText, recordOf } from '../jsonText';
import { mergeProcesses } from '../mergeProcesses';
import { linesOf } from '../values';
import { instanceOf, type CountersAnswer } from './counters';

/** `\\pc\gpu process memory(pid_1_luid_…)\local usage` and what was read of it. */
interface Reading {
  readonly instance: string;
  /** In lower case, without blanks. */
  readonly counter: string;
  readonly value: number | null;
}

const PATH = /\\gpu (?:adapter memory|process memory)\(([^()]{1,120})\)\\([a-z ]{1,40})/i;

/** null: nothing of it. */
export function readCounterText(text: string): CountersAnswer | null {
  const readings = [...ofGetCounter(text), ...ofTypeperf(text), ...ofClasses(text)];
  const adapters = new Map<string, number | null>();
  for (const { instance, counter, value } of readings) {
    const { luid, pid } = instanceOf(instance) ?? {};
    if (luid === undefined) continue;
    if (pid === undefined && counter === 'dedicatedusage') adapters.set(luid, value);
    else if (!adapters.has(luid)) adapters.set(luid, null);
  }
  if (adapters.size === 0) return null;
  const luids = [...adapters.keys()].sort((a, b) => Number(a) - Number(b));
  const gpus = luids.map((luid, index): Gpu =>
    completeGpu(index, { usedBytes: adapters.get(luid) ?? null }),
  );
  const held = readings.flatMap(({ instance, counter, value }) => {
    const { luid, pid } = instanceOf(instance) ?? {};
    // what is resident; "dedicated" is what is committed, whose sum can exceed the card
    if (luid === undefined || pid === undefined || counter !== 'localusage') return [];
    return [{ pid, gpuKey: luid, gpuIndex: luids.indexOf(luid), usedBytes: value, name: null }];
  });
  return { gpus, processes: mergeProcesses(held) };
}

/** A path with a colon, its value on a line below; the last of several rounds counts. */
function ofGetCounter(text: string): Reading[] {
  const lines = linesOf(text);
  return lines.flatMap((line, at) =>
    line.endsWith(':') ? toReading(line.slice(0, -1), lines[at + 1]) : [],
  );
}

/** CSV with a path for each column, all cells in quotes. */
function ofTypeperf(text: string): Reading[] {
  const rows = linesOf(text).filter((line) => line.startsWith('"'));
  const cells = (row: string | undefined) => row?.slice(1, -1).split('","') ?? [];
  const values = cells(rows.at(-1));
  return cells(rows[0]).flatMap((path, at) => (at === 0 ? [] : toReading(path, values[at])));
}

function ofClasses(text: string): Reading[] {
  const json = readJsonText(text);
  return (Array.isArray(json) ? listOf(json) : [json]).map(recordOf).flatMap((entry) =>
    ['DedicatedUsage', 'LocalUsage'].map((counter) => ({
      instance: String(entry.Name),
      counter: counter.toLowerCase(),
      value: numberOf(entry[counter]),
    })),
  );
}

function toReading(path: string, value: string | undefined): Reading[] {
  const [, instance, counter] = (path.length > 400 ? null : PATH.exec(path)) ?? [];
  if (instance === undefined) return [];
  return [
    {
      instance,
      counter: (counter ?? '').replaceAll(' ', '').toLowerCase(),
      value: numberOf(value),
    },
  ];
}
