/** One line per (process, GPU) becomes one `GpuProcess` per process. */
import type { GpuProcess } from './gpu';
import { MAX_BYTES, plausible } from './completeGpu';
import { sumOf } from './values';

/** One process on one GPU, as a tool lists it. */
export interface ProcessRow {
  readonly pid: number;
  /** Whatever tells the GPUs of this output apart: a uuid, a bus id, an index as text. */
  readonly gpuKey: string;
  /** null: the GPU is not part of this sample. */
  readonly gpuIndex: number | null;
  readonly usedBytes: number | null;
  readonly name: string | null;
  readonly type?: string | undefined;
  readonly utilizationPercent?: number | undefined;
  readonly gpuInstanceId?: number | undefined;
  readonly computeInstanceId?: number | undefined;
}

/** Windows pids use all 32 bits, Linux ones 22. */
const MAX_PID = 2 ** 32 - 1;

/**
 * The same process on the same GPU may be listed twice, once for compute and once for graphics, with the same memory:
 * the larger figure counts. On several GPUs its memory adds up. Keeps the order of first appearance.
 */
export function mergeProcesses(rows: readonly ProcessRow[]): GpuProcess[] {
  const byPid = new Map<number, Map<string, ProcessRow>>();
  for (const row of rows) {
    if (!Number.isInteger(row.pid) || row.pid < 1 || row.pid > MAX_PID) continue;
    const usedBytes = plausible(row.usedBytes, 0, MAX_BYTES);
    const perGpu = byPid.get(row.pid) ?? new Map<string, ProcessRow>();
    byPid.set(row.pid, perGpu);
    const seen = perGpu.get(row.gpuKey);
    perGpu.set(row.gpuKey, seen ? merged(seen, row, usedBytes) : { ...row, usedBytes });
  }
  return [...byPid.values()].map(toProcess);
}

function merged(seen: ProcessRow, row: ProcessRow, usedBytes: number | null): ProcessRow {
  const types = [...new Set([seen.type, row.type].filter((type) => type !== undefined))];
  return {
    ...seen,
    name: seen.name ?? row.name,
    usedBytes: larger(seen.usedBytes, usedBytes),
    type: types.length === 0 ? undefined : types.join('+'),
    utilizationPercent: larger(seen.utilizationPercent, row.utilizationPercent) ?? undefined,
  };
}

function larger(a: number | null | undefined, b: number | null | undefined): number | null {
  return a == null ? (b ?? null) : b == null ? a : Math.max(a, b);
}

function toProcess(perGpu: Map<string, ProcessRow>): GpuProcess {
  const rows = [...perGpu.values()];
  const [first] = rows;
  const loads = rows.map((row) => row.utilizationPercent ?? null).filter((load) => load !== null);
  return {
    pid: first?.pid ?? 0,
    usedBytes: sumOf(rows.map((row) => row.usedBytes)),
    name: rows.find((row) => row.name !== null)?.name ?? null,
    gpus: rows.map((row) => row.gpuIndex).filter((index) => index !== null),
    ...(first?.type === undefined ? {} : { type: first.type }),
    ...(loads.length === 0 ? {} : { utilizationPercent: Math.max(...loads) }),
    ...(first?.gpuInstanceId === undefined ? {} : { gpuInstanceId: first.gpuInstanceId }),
    ...(first?.computeInstanceId === undefined
      ? {}
      : { computeInstanceId: first.computeInstanceId }),
  };
}
