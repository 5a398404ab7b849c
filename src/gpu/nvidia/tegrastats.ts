/** Reads `tegrastats` of Jetson boards, where nvidia-smi answers nothing. RAM there is the pool that the GPU shares with the system. */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { linesOf, readMemory, readNumber } from '../values';

export const TEGRASTATS_LINE = /\bRAM (\d+)\/(\d+MB)\b.*\b(?:GR3D_FREQ|EMC_FREQ|CPU \[)/;

/** One line per interval; the last counts. Thor prints `GR3D_FREQ @[…]` without a percentage: unknown. */
export function readTegrastats(text: string): Gpu[] {
  const line = linesOf(text).findLast((each) => TEGRASTATS_LINE.test(each));
  const ram = TEGRASTATS_LINE.exec(line ?? '');
  if (line === undefined || !ram) return [];
  return [
    completeGpu(0, {
      totalBytes: readMemory(ram[2]),
      usedBytes: readMemory(ram[1], 'MB'),
      utilizationPercent: readNumber(/\bGR3D_FREQ (\d+%)/.exec(line)?.[1], '%'),
      temperatureC: readNumber(/\bgpu@(-?\d+(?:\.\d+)?C)/i.exec(line)?.[1], 'C'),
      memory: 'unified',
    }),
  ];
}
