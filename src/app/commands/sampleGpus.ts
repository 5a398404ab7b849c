/** One look at the GPUs of this machine, without a state to keep. */
import type { GpuSample } from '../../gpu/gpu';
import { GPU_FAMILIES } from '../../gpu/sources';
import { createGpuLooker } from '../gpus/gpuLooker';
import type { MachinePorts } from '../ports';

/** null: no GPU tool is installed. A tool that fails is a problem of the sample. */
export async function sampleGpus(
  doors: Pick<MachinePorts, 'exec' | 'files' | 'clock'>,
): Promise<GpuSample | null> {
  const looker = createGpuLooker({
    exec: doors.exec,
    files: doors.files,
    clock: doors.clock,
    log: null,
    // there is no later look that a slow one could be part of
    families: () => GPU_FAMILIES.map((family) => ({ ...family, isSlow: false })),
    executable: () => '',
  });
  const outcome = await looker.look({ processes: true });
  if (outcome.kind === 'absent') return null;
  return outcome.kind === 'seen'
    ? outcome.sample
    : { gpus: [], processes: [], problems: [outcome.problem] };
}
