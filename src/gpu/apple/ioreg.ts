/** Reads `ioreg -r -d 1 -w 0 -c IOAccelerator`: what the GPU of an Apple processor has of the system's memory. */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { numberAt } from '../values';
import { MIB } from '../../shared/units';

const ENTRY = /^[ |]*\+-o /m;

/** Whether the text is of that call at all. */
export function isIoreg(text: string): boolean {
  return ENTRY.test(text) && /"PerformanceStatistics"\s*=/.test(text);
}

/**
 * One GPU per accelerator. Used is "Alloc system memory", as nvtop takes it: "In use system memory" falls to almost
 * nothing while a loaded model waits (21.3 GB against 0.5 GB on an M1 Pro). Totals stand elsewhere (`sysctl`).
 */
export function readIoreg(text: string): Gpu[] {
  const entries = text.split(/^(?=[ |]*\+-o )/m).filter(isIoreg);
  return entries.slice(0, MAX_GPUS).map((entry, index) => {
    const inUseBytes = statistic(entry, 'In use system memory');
    const cores = numberAt(entry, /"gpu-core-count"\s*=\s*(\d{1,4})\b/);
    return {
      ...completeGpu(index, {
        name: /"model"\s*=\s*<?"([^"\r\n]{1,100})"/.exec(entry)?.[1] ?? null,
        utilizationPercent: statistic(entry, 'Device Utilization %'),
        ...(statistic(entry, 'vramUsedBytes') === null
          ? { usedBytes: statistic(entry, 'Alloc system memory'), memory: 'unified' }
          : cardOf(entry)),
      }),
      ...(inUseBytes === null ? {} : { inUseBytes }),
      ...(cores === null ? {} : { cores }),
    };
  });
}

/** An AMD card of an Intel Mac has memory of its own. */
function cardOf(entry: string): Partial<Gpu> {
  const totalMib = statistic(entry, 'VRAM,totalMB');
  return {
    totalBytes: totalMib === null ? null : totalMib * MIB,
    usedBytes: statistic(entry, 'vramUsedBytes'),
    freeBytes: statistic(entry, 'vramFreeBytes'),
    temperatureC: statistic(entry, 'Temperature\\(C\\)'),
    powerW: statistic(entry, 'Total Power\\(W\\)'),
    memory: 'dedicated',
  };
}

const MAX_GPUS = 16;

function statistic(entry: string, name: string): number | null {
  return numberAt(entry, new RegExp(`"${name}"\\s*=\\s*(\\d{1,14})\\b`));
}
