/** The sources of live samples, tried in this order. A new GPU tool is one more row. */
import { nvidiaSource } from './nvidia/source';
import type { GpuSource } from './source';

export const GPU_SOURCES: readonly GpuSource[] = [nvidiaSource];
