/** Jetson boards without an nvidia-smi (JetPack 5 and older), from the kernel's files: no tool is started. */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { absentReading, EMPTY_SAMPLE, type GpuSource } from '../source';
import { hasJetsonGpu, POOL_QUESTIONS, withPool } from './pool';

export const jetsonSource: GpuSource = {
  id: 'jetson',
  label: 'Jetson kernel files',
  executables: [],
  needs: 'files',
  files: () => [...POOL_QUESTIONS, { folders: '/proc/device-tree', files: ['model'] }],
  calls: () => [],
  read(state, { files }) {
    if (!hasJetsonGpu(files)) return absentReading(state);
    // the kernel ends this one with a NUL
    const name = files.get('/proc/device-tree/model')?.replaceAll('\0', '').trim();
    const board: Gpu = completeGpu(0, { name: name === '' ? null : (name ?? null) });
    const gpu = withPool(board, files, null, null);
    return { sample: { ...EMPTY_SAMPLE, gpus: [gpu] }, state, retry: false, hasProcesses: false };
  },
};
