/** What a GPU's name and size tell beyond the sample: compute capability, class, and what the driver keeps of the board. */
import { GIB, MIB } from '../shared/units';
import type { GpuRequest } from '../shared/planRequest';

export interface Card {
  readonly name: string | null;
  /** As given. */
  readonly totalBytes: number;
  /** What CUDA reports: the board's total less what the driver keeps. */
  readonly cudaBytes: number;
  readonly freeBytes: number | null;
  readonly unified: boolean;
  /** 8.9 for Ada …; null: not known. */
  readonly capability: number | null;
  readonly dataCentre: boolean;
  readonly amd: boolean;
  /** vLLM looks for "a100" in the name when it chooses its defaults. */
  readonly isA100: boolean;
}

/** First match wins. Capabilities as in NVIDIA's list of CUDA GPUs. */
const CAPABILITIES: readonly (readonly [RegExp, number])[] = [
  [/\b(GB10|DGX Spark)\b/i, 12.1],
  [/\bthor\b/i, 11],
  [/\b(B300|GB300)\b/i, 10.3],
  [/\b(B100|B200|GB200)\b/i, 10],
  [/\b(H100|H200|H20|H800|GH200)\b/i, 9],
  [/blackwell|rtx pro \d|RTX 50[5-9]0/i, 12],
  [/\bL(4|40|40S|20|2)\b|\bada\b|RTX 40[5-9]0/i, 8.9],
  [/\b(A100|A30|A800)\b/i, 8],
  [/orin/i, 8.7],
  [/\bA(2|10|10G|16|40)\b|RTX A\d{4}|RTX 30[5-9]0/i, 8.6],
  [/\bT4\b|RTX 20[6-8]0|quadro rtx|titan rtx|GTX 16[5-6]0|\bT\d{3,4}\b/i, 7.5],
  [/\bV100\b|titan v/i, 7],
  [/\bP100\b/i, 6],
  [/\bP40\b|\bP4\b|GTX 10[5-8]0/i, 6.1],
];

/** Boards and processors whose GPU shares the system's memory; CUDA and HIP report what the system has. */
const UNIFIED =
  /\b(GB10|dgx spark|jetson|orin|thor|tegra|strix halo|radeon 8\d[56]0s|radeon 8\d0m)\b/i;

const DATA_CENTRE =
  /\b(A100|A800|A30|H100|H200|H20|H800|GH200|B100|B200|GB200|B300|GB300|V100|MI\d{3}X?)\b/i;

/**
 * MiB that nvidia-smi names for a board, and GiB that CUDA reports on it (start-up logs on Linux). A total that is
 * exactly such a board's is taken for the board's; any other is taken for CUDA's own.
 */
const BOARDS: readonly (readonly [mib: number, cudaGib: number])[] = [
  [6144, 5.78],
  [8188, 7.75],
  [8192, 7.78],
  [10240, 9.76],
  [11264, 10.75],
  [12282, 11.66],
  [12288, 11.68],
  [15360, 14.74],
  [16303, 15.47],
  [16376, 15.59],
  [16380, 15.6],
  [16384, 15.77],
  [20475, 19.5],
  [20480, 19.5],
  [23028, 22.07],
  [23034, 22.05],
  [24564, 23.53],
  [24576, 23.58],
  [32607, 31.37],
  [32768, 31.73],
  [40960, 39.5],
  [46068, 44.42],
  [49140, 47.38],
  [49152, 47.4],
  [81559, 79.18],
  [81920, 79.25],
  [95830, 93.0],
  [97887, 94.97],
  [97871, 94.95],
  [98304, 95.3],
  [143771, 139.8],
  [183359, 178.36],
];

/** Reads what can be known about a card; `platform` `wsl` or `windows`: CUDA sees the whole board there. */
export function cardOf(gpu: GpuRequest, platform: string | null | undefined): Card {
  const name = gpu.name ?? null;
  const unified = gpu.memory === 'unified' || UNIFIED.test(name ?? '');
  const match = name === null ? undefined : CAPABILITIES.find(([pattern]) => pattern.test(name));
  return {
    name,
    totalBytes: gpu.totalBytes,
    cudaBytes:
      gpu.cudaBytes ?? cudaTotal(gpu.totalBytes, unified || /wsl|win/i.test(platform ?? '')),
    freeBytes: freeBytesOf(gpu),
    unified,
    capability: match?.[1] ?? null,
    dataCentre: name !== null && DATA_CENTRE.test(name),
    amd: /\bAMD\b|radeon|instinct|\bMI\d{3}X?\b/i.test(name ?? ''),
    isA100: /a100/i.test(name ?? ''),
  };
}

/** As given, but never more than there is; null: not known. */
export const freeBytesOf = ({ freeBytes, totalBytes }: GpuRequest): number | null =>
  freeBytes == null ? null : Math.min(freeBytes, totalBytes);

function cudaTotal(totalBytes: number, whole: boolean): number {
  if (whole) return totalBytes;
  const board = BOARDS.find(([mib]) => totalBytes === mib * MIB);
  return board ? Math.round(board[1] * GIB) : totalBytes;
}
