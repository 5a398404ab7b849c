/** Holders in words: each class in a word or two, and what is known about one in sentences. */
import type { Holder, HolderClass } from '../../processes/process';

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

/** The evidence, and what to do about it. */
export function sentencesOf({ reason, remedy }: Pick<Holder, 'reason' | 'remedy'>): string[] {
  return [reason, remedy].filter((text) => text !== '').map(asSentence);
}

export function asSentence(text: string): string {
  const first = text.charAt(0).toUpperCase();
  return `${first}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** `PID 4711 of alice, started 3.5.2026, 10:04:00`. */
export function startText({ pid, user, startedAtMs }: Holder): string {
  const started =
    startedAtMs === null ? 'start unknown' : `started ${new Date(startedAtMs).toLocaleString()}`;
  return `PID ${String(pid)} of ${user ?? 'an unknown user'}, ${started}`;
}
