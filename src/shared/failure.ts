/** Expected failures are values; bugs throw. */

export type FailureReason =
  | 'toolMissing'
  | 'timedOut'
  | 'badOutput'
  | 'notTrusted'
  | 'needsToken'
  | 'portTaken'
  | 'notFound'
  | 'unreadable'
  | 'invalid'
  | 'cancelled'
  | 'refused'
  | 'notSupported'
  | 'failed';

export interface Failure {
  readonly reason: FailureReason;
  /** One sentence for people: what was found, and where. No stack. */
  readonly detail: string;
}

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

/** `detail`: one sentence for people, what was found and where. */
export const fail = <T = never>(reason: FailureReason, detail: string): Result<T> => ({
  ok: false,
  failure: { reason, detail },
});
