/** Which GPUs a launch will grow on. */
import type { Gpu } from '../../gpu/gpu';
import type { PlanAnswer } from '../../shared/planAnswer';

/** Where no GPU is known at all, all launches share one place in the queue. */
const UNKNOWN_GPU = 0;

/**
 * Indices, as the GPU tool counts. Those that the command's environment names (CUDA_VISIBLE_DEVICES: numbers or
 * UUIDs), else those of the plan. A name that can't be told may mean any GPU.
 */
export function launchGpus(
  answer: Pick<PlanAnswer, 'perGpu' | 'command'>,
  gpus: readonly Gpu[],
): readonly number[] {
  const all = allGpus(gpus);
  const visible = answer.command.env.CUDA_VISIBLE_DEVICES;
  if (visible !== undefined) {
    const named = visible.split(',').map((name) => indexOf(name.trim(), gpus));
    const used = named.slice(0, Math.max(1, answer.perGpu.length));
    return used.some((index) => index === null) ? all : used.filter((index) => index !== null);
  }
  return answer.perGpu.length === 0 ? all : answer.perGpu.map(({ index }) => index);
}

export function allGpus(gpus: readonly Gpu[]): readonly number[] {
  return gpus.length === 0 ? [UNKNOWN_GPU] : gpus.map(({ index }) => index);
}

/** Unknown (null) may be any. */
export function shareGpu(a: readonly number[] | null, b: readonly number[] | null): boolean {
  if (a?.length === 0 || b?.length === 0) return false;
  return a === null || b === null || a.some((index) => b.includes(index));
}

/** A UUID may be cut short where it stays unique. */
function indexOf(name: string, gpus: readonly Gpu[]): number | null {
  if (/^\d+$/.test(name)) return Number(name);
  const found = gpus.filter(({ uuid }) => name !== '' && uuid?.startsWith(name) === true);
  return found.length === 1 ? (found[0]?.index ?? null) : null;
}
