/** What a hub's answer means, by its status and headers: the bytes asked for, or why there are none. */
import { fail, ok, type Failure, type Result } from '../shared/failure';

export interface HubAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HubAsked {
  readonly hub: string;
  readonly repo: string;
  readonly file: string;
  /** `withheld`: there is one, and the way to the hub is not safe for it. */
  readonly token: 'sent' | 'withheld' | 'none';
}

const TOKEN_WORDS: Readonly<Record<HubAsked['token'], string>> = {
  sent: 'the token that was sent gives no access to it',
  withheld: 'it needs the token, which is not sent over plain http',
  none: 'it needs a token, for example in HF_TOKEN',
};

/** Size of the whole file in bytes; null where the answer doesn't tell. */
export interface StartOfFile {
  readonly fileBytes: number | null;
}

/** `notFound` for a file that isn't there, `needsToken`, `badOutput`, or `failed` for all that may pass. */
export function judgeAnswer(answer: HubAnswer, asked: HubAsked): Result<StartOfFile> {
  const { status, headers } = answer;
  if (status === 200 || status === 206) return judgeStart(answer, asked);
  if (status === 401 || status === 403) return { ok: false, failure: locked(headers, asked) };
  if (status === 404) return { ok: false, failure: missing(headers, asked) };
  const { hub, file } = asked;
  if (status === 429) return fail('failed', `${hub} asks to wait before the next request (429).`);
  if (status >= 300 && status < 400)
    return fail(
      'failed',
      `${hub} redirects ${file} in circles, or to an address that is not followed.`,
    );
  return fail('failed', `${hub} answered ${status} for ${file}.`);
}

function judgeStart({ status, headers }: HubAnswer, { hub, file }: HubAsked): Result<StartOfFile> {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' && (encoding !== 'gzip' || status === 206))
    return fail('badOutput', `${hub} sent ${file} compressed, though asked not to.`);
  if (/^text\/html/i.test(headers['content-type'] ?? ''))
    return fail(
      'badOutput',
      `${hub} answered with a web page instead of ${file}: is it a sign-in page?`,
    );
  if (status === 206) {
    const [, first, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    if (Number(first) !== 0)
      return fail('badOutput', `${hub} sent another part of ${file} than was asked for.`);
    return ok({ fileBytes: sizeOf(total) });
  }
  return ok({ fileBytes: encoding === 'gzip' ? null : sizeOf(headers['content-length']) });
}

function sizeOf(text: string | undefined): number | null {
  const size = /^\d+$/.test(text ?? '') ? Number(text) : NaN;
  return Number.isSafeInteger(size) ? size : null;
}

/** The hub answers 401 for a repository that doesn't exist, too, and says which it is in `X-Error-Code`. */
function locked(headers: HubAnswer['headers'], { hub, repo, token }: HubAsked): Failure {
  const isGated = headers['x-error-code'] === 'GatedRepo';
  const what = isGated
    ? `${repo} is gated: its terms must be accepted on ${hub}`
    : `${repo} is not on ${hub}, or is private`;
  return { reason: 'needsToken', detail: `${what}; ${TOKEN_WORDS[token]}.` };
}

function missing(headers: HubAnswer['headers'], { hub, repo, file }: HubAsked): Failure {
  const detail =
    headers['x-error-code'] === 'EntryNotFound'
      ? `${repo} on ${hub} has no ${file}.`
      : `${hub} knows no ${repo} with a ${file}: is the name right?`;
  return { reason: 'notFound', detail };
}

const MAX_WAIT_MS = 60 * 60_000;

/**
 * Milliseconds to leave a hub alone after a 429 or 503: `Retry-After` in seconds or as a date, a minute where a 429 says
 * nothing, at most an hour; null: no need to wait.
 */
export function waitAfter({ status, headers }: HubAnswer, nowMs: number): number | null {
  const given = headers['retry-after']?.trim() ?? '';
  if (status !== 429 && (status !== 503 || given === '')) return null;
  const ms = /^\d+$/.test(given) ? Number(given) * 1000 : Date.parse(given) - nowMs;
  return Number.isFinite(ms) ? Math.min(MAX_WAIT_MS, Math.max(1000, ms)) : 60_000;
}

const COMMIT = /^[0-9a-f]{40}$/;

/** Which commit an answer is of; null where the hub doesn't say (a CDN doesn't). */
export function commitOf(headers: HubAnswer['headers']): string | null {
  const commit = headers['x-repo-commit'] ?? '';
  return COMMIT.test(commit) ? commit : null;
}
