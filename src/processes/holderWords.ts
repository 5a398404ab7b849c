/** What to do about each class of holder, in words. */
import type { HolderClass } from './process';

interface HolderWords {
  /** Where we can help ourselves, or where only others can. */
  readonly remedy: string;
  /** The same class where ending it from here is out of the question. */
  readonly remedyHandsOff: string;
}

const same = (remedy: string): HolderWords => ({ remedy, remedyHandsOff: remedy });

export const HOLDER_WORDS: Readonly<Record<HolderClass, HolderWords>> = {
  ourServer: same('Stop the server in the Servers view if its memory is needed.'),
  adoptedServer: same('Stop the adopted server in the Servers view if its memory is needed.'),
  orphanedWorker: {
    remedy: 'End it: nothing can reach it any more, and its memory comes back.',
    remedyHandsOff: 'Look again in a minute, or have its owner end it.',
  },
  zombie: same('Nothing to end here: end or restart its parent if the memory does not come back.'),
  otherNamespace: same('Stop it where it runs: in its container, or on the host.'),
  deadPid: same(
    'Look for a child or thread that still has the device open (`fuser -v /dev/nvidia*`); if there is none, only a GPU reset or a reboot helps.',
  ),
  notebook: same('Restart the kernel, or free its memory there (`torch.cuda.empty_cache()`).'),
  display: same(
    'Leave it alone: the screen needs it. Turning off hardware acceleration saves some.',
  ),
  otherUser: same('Ask its owner.'),
  stranger: same('Stop it where it was started.'),
};
