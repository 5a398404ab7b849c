/** Requests to a hub for one reading: few, small, in time, and with a token only where nobody else reads it. */
import { commitOf, judgeAnswer, waitAfter } from '../../models/hubAnswer';
import { DEFAULT_REVISION, hubFileUrl, hubName, mayCarryToken } from '../../models/hubModel';
import { ok, type Failure, type Result } from '../../shared/failure';
import { formatDuration } from '../../shared/units';
import type { Clock, Http } from '../ports';

/** config.json, the weights' header, and the index of a sharded model. */
const MAX_REQUESTS = 3;
/** For all of them together. */
const MAX_BYTES = 1_000_000;
const REQUEST_MS = 10_000;
const READING_MS = 20_000;
/** To a mirror, its storage and one rename; more is a circle. */
const MAX_REDIRECTS = 5;

export interface HubPart {
  /** From the file's first byte; not more than was wanted. */
  readonly bytes: Uint8Array;
  /** Of the whole file; null where the hub doesn't tell. */
  readonly fileBytes: number | null;
  readonly commit: string | null;
}

export interface PartWanted {
  /** At most this many; less where the reading has less left. */
  readonly maxBytes: number;
  /** Asks for a range; a hub that ignores it is cut off all the same. */
  readonly range?: boolean;
  /** How much is needed, by the first 8 bytes and what may be read. Without it: all that may be read. */
  readonly enough?: (start: Uint8Array, limitBytes: number) => number;
}

export interface HubRequests {
  readonly hub: string;
  /**
   * The start of a file of the repository. Fails with needsToken, notFound, badOutput, timedOut, cancelled, refused (no
   * connection) or failed; a reading that has had its three requests or its megabyte fails without another one.
   */
  ask(file: string, wanted: PartWanted): Promise<Result<HubPart>>;
  /** So far. */
  spent(): { readonly requests: number; readonly bytes: number };
}

export interface HubAccess {
  readonly http: Http;
  readonly clock: Clock;
  readonly endpoint: string;
  readonly token: string | null;
  /** Until when (`elapsedMs`) the hub wants to be left alone; set here, kept from one reading to the next. */
  readonly pause: { untilMs: number };
  readonly signal: AbortSignal;
}

export function openHubRequests(access: HubAccess, repo: string): HubRequests {
  const { http, clock, endpoint, pause, signal } = access;
  const hub = hubName(endpoint);
  const token = mayCarryToken(endpoint) ? access.token : null;
  const tokenIs = token !== null ? 'sent' : access.token === null ? 'none' : 'withheld';
  const deadlineMs = clock.elapsedMs() + READING_MS;
  let requests = 0;
  let bytes = 0;

  /** Why no further request is made; null: it may. */
  function refusal(): Failure | null {
    const waitMs = pause.untilMs - clock.elapsedMs();
    if (waitMs > 0) {
      const detail = `${hub} asks to wait: the next request goes out in ${formatDuration(waitMs)}.`;
      return { reason: 'failed', detail };
    }
    if (clock.elapsedMs() >= deadlineMs)
      return { reason: 'timedOut', detail: `${hub} took more than ${READING_MS / 1000} s.` };
    return requests < MAX_REQUESTS && bytes < MAX_BYTES
      ? null
      : { reason: 'failed', detail: `${repo} would take more than is read from a hub.` };
  }

  return {
    hub,
    spent: () => ({ requests, bytes }),
    async ask(file, { maxBytes, range = false, enough }) {
      const refused = refusal();
      if (refused) return { ok: false, failure: refused };
      requests += 1;
      const limit = Math.min(maxBytes, MAX_BYTES - bytes);
      const answer = await http.request({
        url: hubFileUrl(endpoint, repo, file, DEFAULT_REVISION),
        headers: {
          'user-agent': 'vram-pilot',
          ...(range ? { range: `bytes=0-${String(limit - 1)}` } : {}),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        timeoutMs: Math.ceil(Math.min(REQUEST_MS, deadlineMs - clock.elapsedMs())),
        signal,
        encoding: 'latin1',
        redirects: MAX_REDIRECTS,
        maxBytes: limit,
        cutAt: (start) => Math.min(limit, enough?.(start, limit) ?? limit),
      });
      if (!answer.ok) return answer;
      const { headers, body } = answer.value;
      bytes += body.length;
      const waitMs = waitAfter(answer.value, clock.now());
      if (waitMs !== null) pause.untilMs = clock.elapsedMs() + waitMs;
      const judged = judgeAnswer(answer.value, { hub, repo, file, token: tokenIs });
      if (!judged.ok) return judged;
      return ok({ bytes: bytesOf(body), ...judged.value, commit: commitOf(headers) });
    },
  };
}

/** A character of latin1 is a byte. */
function bytesOf(latin1: string): Uint8Array {
  const bytes = new Uint8Array(latin1.length);
  for (let at = 0; at < latin1.length; at++) bytes[at] = latin1.charCodeAt(at);
  return bytes;
}
