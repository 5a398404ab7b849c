/** Each class of holder in a word or two, for rows and sentences. */
import type { HolderClass } from '../processes/process';

export const HOLDER_NAMES: Readonly<Record<HolderClass, string>> = {
  ourServer: 'our server',
  adoptedServer: 'adopted server',
  orphanedWorker: 'orphaned worker',
  zombie: 'zombie',
  otherNamespace: 'another container',
  deadPid: 'dead process',
  notebook: 'notebook',
  display: 'display',
  otherUser: 'another user',
  stranger: 'other program',
};
