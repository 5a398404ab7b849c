/** Reads what the shell tells of Windows' counters. An adapter goes by its LUID, a name that lasts until the next boot. */
import * as z from 'zod/mini';
import { completeGpu } from '../completeGpu';
import type { Gpu, GpuProcess, GpuVendor } from '../gpu';
import { numberOf, readJsonText, textOf } from '../jsonText';
import { mergeProcesses } from '../mergeProcesses';
import { sumOf } from '../values';
import { GIB } from '../../shared/units';
import { COUNTERS_HEADER } from './script';

export interface CountersAnswer {
  readonly gpus: readonly Gpu[];
  /** A row for each process and adapter: whoever joins them with another tool's needs them apart. */
  readonly processes: readonly GpuProcess[];
}

const counter = z.object({ of: z.string(), bytes: z.nullish(z.string()) });
const schema = z.object({
  boards: z.array(
    z.object({
      name: z.nullish(z.string()),
      id: z.nullish(z.string()),
      driver: z.nullish(z.string()),
      bytes: z.nullish(z.string()),
    }),
  ),
  adapters: z.array(
    z.object({
      luid: z.string(),
      name: z.nullish(z.string()),
      vendor: z.nullish(z.number()),
      bytes: z.nullish(z.string()),
    }),
  ),
  used: z.array(counter),
  held: z.array(counter),
});
type Counters = z.infer<typeof schema>;

/** PCI numbers. What is none of these draws in software or belongs to a virtual machine. */
const VENDORS: ReadonlyMap<number, GpuVendor> = new Map([
  [0x10de, 'nvidia'],
  [0x1002, 'amd'],
  [0x8086, 'intel'],
]);

/** Below it a processor draws with the system's memory: nobody loads a model on it, and its part would always look full. */
const CARD_BYTES = 2 * GIB;

const INSTANCE = /^(?:pid_(\d{1,10})_)?luid_0x([0-9a-f]{1,8})_0x([0-9a-f]{1,8})_phys_\d+$/i;

/** null: no answer of the shell. */
export function readCounters(text: string): CountersAnswer | null {
  if (!text.includes(COUNTERS_HEADER)) return null;
  const line = text.split(/\r?\n/).findLast((each) => each.startsWith('0, {'));
  const parsed = z.safeParse(schema, readJsonText(line?.slice(3) ?? ''));
  if (!parsed.success) return null;
  const counters = parsed.data;
  const used = new Map<string, number | null>();
  for (const { of, bytes } of counters.used) {
    const instance = instanceOf(of);
    if (!instance) continue;
    const before = used.get(instance.luid);
    const more = sizeOf(bytes);
    // linked boards are one adapter
    used.set(instance.luid, before === undefined ? more : sumOf([before, more]));
  }
  const cards = cardsOf(counters, used);
  const indexes = new Map(cards.map(({ luid }, index) => [luid, index]));
  return {
    gpus: cards.map(({ luid, ...card }, index) =>
      completeGpu(index, { ...card, usedBytes: used.get(luid) ?? null }),
    ),
    processes: counters.held.flatMap(({ of, bytes }) => {
      const { pid, luid } = instanceOf(of) ?? {};
      const gpuIndex = luid === undefined ? undefined : indexes.get(luid);
      if (pid === undefined || luid === undefined || gpuIndex === undefined) return [];
      const row = { pid, gpuKey: luid, gpuIndex, usedBytes: sizeOf(bytes), name: null };
      return mergeProcesses([row]);
    }),
  };
}

interface Card {
  readonly luid: string;
  readonly name: string | null;
  readonly vendor: GpuVendor;
  readonly totalBytes: number | null;
  readonly driverVersion: string | null;
}

/** Those that Windows counts for and that are cards, in the order of their LUIDs. */
function cardsOf(counters: Counters, used: ReadonlyMap<string, number | null>): readonly Card[] {
  const named = counters.adapters.filter(({ luid }) => used.has(luid));
  const cards = named.length > 0 ? named.flatMap((one) => ofAdapter(one, counters)) : [];
  return (cards.length > 0 ? cards : onlyCard(counters, used))
    .filter(({ totalBytes }) => totalBytes === null || totalBytes >= CARD_BYTES)
    .filter(({ luid }, at, all) => all.findIndex((one) => one.luid === luid) === at)
    .sort((a, b) => Number(a.luid) - Number(b.luid));
}

/** DirectX knows who an adapter is; how much is soldered on it stands with its driver. */
function ofAdapter(adapter: Counters['adapters'][number], { boards }: Counters): readonly Card[] {
  const vendor = VENDORS.get(adapter.vendor ?? -1);
  if (vendor === undefined) return [];
  const name = textOf(adapter.name);
  const [board, ...others] = boards.filter((each) => name !== null && textOf(each.name) === name);
  const boardBytes = sizeOf(board?.bytes);
  const areEqual = others.every((each) => sizeOf(each.bytes) === boardBytes);
  return [
    {
      luid: adapter.luid,
      name,
      vendor,
      totalBytes: (areEqual ? boardBytes : null) ?? sizeOf(adapter.bytes),
      driverVersion: textOf(board?.driver),
    },
  ];
}

/** Where DirectX names nobody: one adapter in use and one card cannot be mistaken. */
function onlyCard({ boards }: Counters, used: ReadonlyMap<string, number | null>): readonly Card[] {
  const inUse = [...used].filter(([, bytes]) => (bytes ?? 0) > 0).map(([luid]) => luid);
  const large = boards.filter(({ bytes }) => (sizeOf(bytes) ?? 0) >= CARD_BYTES);
  const [luid, board] = [inUse[0], large[0]];
  const id = /ven_([0-9a-f]{4})/i.exec(board?.id ?? '')?.[1];
  const vendor = VENDORS.get(parseInt(id ?? '', 16));
  if (!board || luid === undefined || inUse.length > 1 || large.length > 1) return [];
  if (vendor === undefined) return [];
  return [
    {
      luid,
      name: textOf(board.name),
      vendor,
      totalBytes: sizeOf(board.bytes),
      driverVersion: textOf(board.driver),
    },
  ];
}

/** Both halves as one number, as DirectX writes it. */
export function instanceOf(name: string): { pid?: number; luid: string } | null {
  const [, pid, high, low] = INSTANCE.exec(name) ?? [];
  if (high === undefined || low === undefined) return null;
  const luid = String((BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`));
  return pid === undefined ? { luid } : { luid, pid: Number(pid) };
}

const sizeOf = (text: string | null | undefined): number | null => {
  const bytes = numberOf(text);
  return bytes !== null && bytes >= 0 ? bytes : null;
};
