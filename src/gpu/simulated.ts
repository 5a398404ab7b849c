/**
 * A GPU that does not exist, for a look at the product on a machine without one. Everything that shows its figures
 * says that they are simulated; it never stands in for a real GPU by itself.
 */
import { MIB } from '../shared/units';
import { completeGpu } from './completeGpu';
import type { GpuProcess } from './gpu';
import type { GpuSource } from './source';

const TOTAL_BYTES = 24564 * MIB;
const RESERVED_BYTES = 388 * MIB;
/** What a desktop with an editor typically holds. */
const DESKTOP_BYTES = 1210 * MIB;

/** `holders`: what the simulated servers hold at the moment of a sample. */
export function simulatedSource(holders: () => readonly GpuProcess[]): GpuSource {
  return {
    id: 'simulated',
    label: 'simulated GPU',
    executables: [],
    needs: 'files',
    simulated: true,
    calls: () => [],
    read(state) {
      const processes = holders();
      const heldBytes = processes.reduce((sum, { usedBytes }) => sum + (usedBytes ?? 0), 0);
      const usedBytes = Math.min(TOTAL_BYTES - RESERVED_BYTES, DESKTOP_BYTES + heldBytes);
      const gpu = completeGpu(0, {
        name: 'Simulated GPU 24 GB',
        uuid: 'GPU-simulated',
        totalBytes: TOTAL_BYTES,
        usedBytes,
        freeBytes: TOTAL_BYTES - RESERVED_BYTES - usedBytes,
        reservedBytes: RESERVED_BYTES,
        utilizationPercent: processes.length > 0 ? 3 : 0,
        temperatureC: 41,
        powerW: 28,
        powerLimitW: 450,
        computeCapability: '8.9',
      });
      return {
        sample: { gpus: [gpu], processes, problems: [] },
        state,
        retry: false,
        hasProcesses: true,
      };
    },
  };
}
