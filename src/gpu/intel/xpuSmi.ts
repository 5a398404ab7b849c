/** Reads the tables of xpu-smi 1.x: `discovery`, `discovery -d ID`, `stats -d ID`, `ps`. Blank cells are unknown, not 0. */
import type { Gpu, GpuProcess } from '../gpu';
import { completeGpu } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { linesOf, readCount, readMemory, readNumber, readText } from '../values';
import { KIB } from '../../shared/units';

export interface XpuSmiAnswer {
  readonly gpus: readonly Gpu[];
  readonly processes: readonly GpuProcess[];
}

const ROW = /^\|([^|]*)\|([^|]*)\|\s*$/;
const PS_HEADER = /^PID\s+Command\s+DeviceID\s+SHR\s+MEM\s*$/m;
const PS_ROW = /^\s*(\d{1,10})\s+(\S.*?)\s+(\d{1,3})\s+(\d{1,12})\s+(\d{1,12})\s*$/;

/** null: none of them. */
export function readXpuSmi(text: string): XpuSmiAnswer | null {
  if (PS_HEADER.test(text)) return { gpus: [], processes: readProcesses(text) };
  if (/^\|\s*Device ID\s*\|\s*Device Information\s*\|/m.test(text))
    return { gpus: readDiscovery(text), processes: [] };
  if (/^\|\s*Device ID\s*\|\s*\d+\s*\|/m.test(text))
    return { gpus: readStats(text), processes: [] };
  return null;
}

function rowsOf(text: string): (readonly [left: string, right: string])[] {
  return linesOf(text).flatMap((line) => {
    const match = line.length > 400 ? null : ROW.exec(line);
    return match ? [[(match[1] ?? '').trim(), (match[2] ?? '').trim()] as const] : [];
  });
}

/** `| 0 | Device Name: … |`, then `| | Key: value |` until the next number. */
function readDiscovery(text: string): Gpu[] {
  const devices = new Map<number, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const [left, right] of rowsOf(text)) {
    const id = readCount(left);
    if (id !== null && id < 1000) devices.set(id, (current = new Map<string, string>()));
    const fact = /^([^:]{1,60}):\s*(.*)$/.exec(right);
    if (fact?.[1] !== undefined) current?.set(fact[1], fact[2] ?? '');
  }
  return [...devices].map(([id, facts]) =>
    completeGpu(id, {
      name: readText(facts.get('Device Name')),
      uuid: readText(facts.get('UUID')),
      busId: readText(facts.get('PCI BDF Address')),
      driverVersion: readText(facts.get('Driver Version')),
      totalBytes: readMemory(facts.get('Memory Physical Size')),
    }),
  );
}

/** One table per device; a device of several tiles writes "Tile 0: 12, Tile 1: 13", which is read as unknown. */
function readStats(text: string): Gpu[] {
  const devices = new Map<number, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const [left, right] of rowsOf(text)) {
    const id = left === 'Device ID' ? readCount(right) : null;
    if (id !== null && id < 1000) devices.set(id, (current = new Map<string, string>()));
    else if (left !== '' && current?.has(left) === false) current.set(left, right);
  }
  return [...devices].map(([id, facts]) =>
    completeGpu(id, {
      usedBytes: readMemory(facts.get('GPU Memory Used (MiB)')),
      // "all GPU Engines" stands alone on the second line of this cell
      utilizationPercent: readNumber(facts.get('Average % utilization of')),
      temperatureC: readNumber(facts.get('GPU Core Temperature (C)')),
      powerW: readNumber(facts.get('GPU Power (W)')),
    }),
  );
}

/** MEM is in kB of 1024 bytes. */
function readProcesses(text: string): GpuProcess[] {
  const rows: ProcessRow[] = [];
  for (const line of linesOf(text)) {
    const match = line.length > 400 ? null : PS_ROW.exec(line);
    if (!match) continue;
    const [, pid, name, device, , memoryKib] = match;
    rows.push({
      pid: Number(pid),
      gpuKey: device ?? '',
      gpuIndex: Number(device),
      usedBytes: Number(memoryKib) * KIB,
      name: readText(name),
    });
  }
  return mergeProcesses(rows);
}
