/** Names that engines give to shared memory of their own making; people keep model files in /dev/shm, too. */

/**
 * Python's SharedMemory and semaphores, PyTorch's and NCCL's segments: random parts included, nothing in subfolders.
 * SIGHUP and SIGKILL leave two `psm_*` (160 + 240 MB apparent) and some `sem.mp-*` behind per server.
 */
const ENGINE_MADE: readonly RegExp[] = [
  /^psm_[0-9a-f]{8,}$/,
  /^sem\.mp-[a-z0-9_]{8}$/,
  /^torch_\d+_\d+(_\d+)?$/,
  /^nccl-[A-Za-z0-9]{6}$/,
];

/** True if a file of this path may be removed once nobody has it open any more. */
export function isEngineSharedMemory(path: string): boolean {
  const name = path.startsWith('/dev/shm/') ? path.slice('/dev/shm/'.length) : '';
  return ENGINE_MADE.some((pattern) => pattern.test(name));
}
