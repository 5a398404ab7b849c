/** What cannot be seen from here: GPU memory without a process, why, and which setting would show more. */
import type { Gpu, GpuProcess } from '../gpu/gpu';
import type { ProcessInfo } from './process';
import type { SelfFacts } from './scene';

/** Less is rounding of the tools and contexts of the driver itself. */
const WORTH_SAYING_BYTES = 512 * 2 ** 20;

/**
 * There the system manages the card's memory as it does its own: pages of programs that ended may stay, and files may lie
 * in it. https://docs.nvidia.com/deploy/nvidia-smi (addressing mode ATS)
 */
const GRACE = /\bG[BH][23]00\b/;

/**
 * Bytes of a GPU that no listed process accounts for; null where that cannot be known (a process without a figure, as
 * under WSL; Windows, whose counters say what is resident and not what is charged; a Grace machine, whose system keeps
 * data of its own on the card) or is not worth a word (less than 512 MiB).
 */
export function unseenBytes(
  gpu: Pick<Gpu, 'index' | 'name' | 'usedBytes' | 'memory' | 'cudaBytes'>,
  processes: readonly GpuProcess[],
): number | null {
  if (gpu.usedBytes === null || gpu.memory === 'unified' || GRACE.test(gpu.name ?? '')) return null;
  let unseen = gpu.usedBytes;
  for (const { gpus, usedBytes } of processes) {
    if (!gpus.includes(gpu.index)) continue;
    // one figure for several GPUs says nothing about each of them
    if (usedBytes === null || gpus.length > 1 || gpu.cudaBytes !== undefined) return null;
    unseen -= usedBytes;
  }
  return unseen >= WORTH_SAYING_BYTES ? unseen : null;
}

/** Sentences about this place, the remedy in each; none where every process of the machine can be seen. */
export function blindSpots(self: SelfFacts, table: readonly ProcessInfo[]): readonly string[] {
  if (self.system === 'windows')
    return [
      'On Windows processes are shown and never ended from here: whose they are, and that a number still means the same process at the moment of a signal, cannot be checked. End them in Task Manager.',
    ];
  if (table.length === 0)
    return ['Processes cannot be read on this system: nothing is judged and nothing is ended.'];
  if (self.system === 'wsl')
    return [
      'This is WSL: programs of Windows and of other distributions hold GPU memory unseen, and are never ended from here. Task Manager in Windows shows them; `wsl --shutdown` ends everything in WSL.',
    ];
  if (self.inContainer)
    return [
      'This container has process numbers of its own: what runs outside is not seen and never ended from here. Started with `--pid=host` (Kubernetes: `hostPID: true`) it would be seen.',
    ];
  if (self.system === 'mac')
    return [
      'macOS does not tell how much of the GPU’s memory each process holds: what servers on record here left behind is found, other holders are not seen.',
    ];
  // pid 1 is everybody's to see, unless /proc hides what is not one's own
  const isHidden = self.uid !== 0 && !table.some(({ pid }) => pid === 1);
  return isHidden
    ? [
        'This system hides the processes of other users (`hidepid`): an administrator can see who else holds memory.',
      ]
    : [];
}
