/** Reads `rocm-smi … --json`: an object of cards, all values texts, keys renamed and recased from release to release. */
import type { Gpu, GpuProcess } from '../gpu';
import { completeGpu } from '../completeGpu';
import { numberOf, readJsonText, recordOf, textOf } from '../jsonText';
import { mergeProcesses } from '../mergeProcesses';
import { amdPoolOf } from './unifiedPool';

export interface RocmSmiAnswer {
  readonly gpus: readonly Gpu[];
  readonly processes: readonly GpuProcess[];
}

/** null: this is no output of rocm-smi. */
export function readRocmSmi(text: string): RocmSmiAnswer | null {
  return rocmSmiAnswerOf(readJsonText(text));
}

export function rocmSmiAnswerOf(json: unknown): RocmSmiAnswer | null {
  const entries = Object.entries(recordOf(json));
  const gpus = new Map<number, Gpu>();
  for (const [key, value] of entries) {
    const index = /^card(\d{1,3})$/.exec(key)?.[1];
    if (index !== undefined) gpus.set(Number(index), readCard(Number(index), value));
  }
  const system = entries.find(([key]) => key === 'system');
  if (gpus.size === 0 && !system) return null;
  const processes = Object.entries(recordOf(system?.[1])).map(readProcess);
  return {
    gpus: [...gpus.values()],
    processes: mergeProcesses(processes.filter((row) => row !== null)).map((process) => ({
      ...process,
      gpus: [],
    })),
  };
}

/** "GPU memory use (%)" is the memory's activity up to 6.0, not how full it is: never read. */
function readCard(index: number, value: unknown): Gpu {
  const cells = new Map<string, unknown>(
    Object.entries(recordOf(value)).map(([key, cell]) => [key.toLowerCase(), cell]),
  );
  const number = (...keys: string[]) =>
    keys.map((key) => numberOf(cells.get(key))).find((found) => found !== null) ?? null;
  const pool = amdPoolOf({
    vramTotalBytes: number('vram total memory (b)'),
    vramUsedBytes: number('vram total used memory (b)'),
    gttTotalBytes: number('gtt total memory (b)'),
    gttUsedBytes: number('gtt total used memory (b)'),
  });
  return completeGpu(index, {
    ...pool,
    name: textOf(cells.get('card series')) ?? textOf(cells.get('device name')),
    busId: textOf(cells.get('pci bus')),
    utilizationPercent: number('gpu use (%)'),
    temperatureC: number(
      'temperature (sensor edge) (c)',
      'temperature (sensor junction) (c)',
      'temperature (sensor #1) (c)',
    ),
    powerW: number(
      'average graphics package power (w)',
      'current socket graphics package power (w)',
    ),
    powerLimitW: number('max graphics package power (w)'),
  });
}

/** `"PID28389": "llama-server, 1, 2353860608, 11011, 0"`: name, number of GPUs (not which), VRAM bytes, SDMA, CUs. */
function readProcess([key, value]: readonly [string, unknown]) {
  const pid = /^PID(\d{1,10})$/.exec(key)?.[1];
  const match = /^(.*), *\d+, *(\d{1,18}|UNKNOWN), *[^,]*, *[^,]*$/.exec(textOf(value) ?? '');
  if (pid === undefined || !match) return null;
  return {
    pid: Number(pid),
    gpuKey: '',
    gpuIndex: null,
    usedBytes: numberOf(match[2]),
    name: textOf(match[1]),
  };
}
