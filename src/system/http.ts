import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { Http, HttpAnswer, HttpRequest } from '../app/ports';
import { fail, ok, type Failure, type Result } from '../shared/failure';

const DEFAULT_MAX_BYTES = 64 * 1024 ** 2;
/** As many first bytes as `cutAt` is shown. */
const START_BYTES = 8;
/** Without a time-out only this tells that the other side is gone: its machine asleep, its network down. */
const PEER_CHECK_MS = 30_000;

/**
 * node:http instead of fetch: fetch gives up after 300 s without headers, and loading a model into Ollama takes
 * longer. Connections are closed after each answer: an idle one kept open can hold up a vLLM that shuts down.
 */
export function openHttp(): Http {
  return {
    request: (request) =>
      follow(
        request,
        request.redirects ?? 0,
        request.timeoutMs === null ? null : performance.now() + request.timeoutMs,
      ),
  };
}

async function follow(
  request: HttpRequest,
  redirectsLeft: number,
  deadlineMs: number | null,
): Promise<Result<HttpAnswer>> {
  const url = parseUrl(request.url);
  if (!url) return fail('failed', `${request.url} is not an http(s) address`);
  const answer = await send(url, request, redirectsLeft > 0, deadlineMs);
  if (!answer.ok || redirectsLeft <= 0) return answer;
  const target = redirectTarget(url, request, answer.value);
  return target === null ? answer : follow(target, redirectsLeft - 1, deadlineMs);
}

function parseUrl(text: string, base?: URL): URL | null {
  try {
    const url = new URL(text, base);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
]);

function redirectTarget(url: URL, request: HttpRequest, answer: HttpAnswer): HttpRequest | null {
  const location = answer.headers.location;
  const isSafeMethod = request.method === undefined || ['GET', 'HEAD'].includes(request.method);
  if (!REDIRECTS.has(answer.status) || location === undefined || !isSafeMethod) return null;
  const target = parseUrl(location, url);
  // Never from https down to http: what is asked for could be read and changed on the way.
  if (!target || (url.protocol === 'https:' && target.protocol !== 'https:')) return null;
  const headers = Object.entries(request.headers ?? {}).filter(
    ([name]) => target.origin === url.origin || !CREDENTIALS.has(name.toLowerCase()),
  );
  return { ...request, url: target.href, headers: Object.fromEntries(headers) };
}

function send(
  url: URL,
  request: HttpRequest,
  followsRedirects: boolean,
  deadlineMs: number | null,
): Promise<Result<HttpAnswer>> {
  return new Promise((resolve) => {
    if (request.signal?.aborted === true) {
      resolve(fail('cancelled', `the request to ${url.origin} was cancelled`));
      return;
    }
    const outgoing = open(url, request);
    if (!outgoing) {
      resolve(fail('failed', `a header for ${url.origin} has characters that can't be sent`));
      return;
    }
    let isSettled = false;
    const settle = (result: Result<HttpAnswer>): void => {
      isSettled = true;
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      resolve(result);
      outgoing.destroy();
    };
    const onAbort = (): void =>
      settle(fail('cancelled', `the request to ${url.origin} was cancelled`));
    const onTimeout = (): void =>
      settle(
        fail('timedOut', `${url.origin} did not answer within ${String(request.timeoutMs)} ms`),
      );
    const timer =
      deadlineMs === null
        ? undefined
        : setTimeout(onTimeout, Math.max(0, deadlineMs - performance.now()));
    if (deadlineMs === null) outgoing.setSocketKeepAlive(true, PEER_CHECK_MS);
    request.signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.on('error', (error) => settle({ ok: false, failure: describeError(url, error) }));
    outgoing.on('response', (incoming) => {
      const status = incoming.statusCode ?? 0;
      const headers = flatten(incoming.headers);
      const answer = (body: Buffer): Result<HttpAnswer> =>
        ok({ status, headers, body: body.toString(request.encoding ?? 'utf8') });
      const isLeftOut =
        (followsRedirects && REDIRECTS.has(status)) ||
        (request.cutAt !== undefined && (status < 200 || status > 299));
      const { onText } = request;
      if (isLeftOut) settle(answer(Buffer.alloc(0)));
      else if (onText && status >= 200 && status < 300) {
        const body = plainBody(incoming, (error) =>
          settle({ ok: false, failure: describeError(url, error) }),
        );
        body.setEncoding('utf8');
        body.on('data', (chunk: string) => {
          // what was read before a cancel may still be on its way
          if (!isSettled) onText(chunk);
        });
        body.on('end', () => settle(answer(Buffer.alloc(0))));
      } else
        readBody(url, request, incoming, (body) => settle(body.ok ? answer(body.value) : body));
    });
    outgoing.end(request.body);
  });
}

/** null: a header has characters that HTTP doesn't allow. */
function open(url: URL, request: HttpRequest): http.ClientRequest | null {
  const door = url.protocol === 'https:' ? https : http;
  const length = request.body === undefined ? null : Buffer.byteLength(request.body);
  try {
    return door.request(url, {
      method: request.method ?? 'GET',
      headers: {
        'accept-encoding': 'identity',
        ...(length === null ? {} : { 'content-length': length }),
        ...request.headers,
      },
      agent: false,
    });
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function readBody(
  url: URL,
  request: HttpRequest,
  incoming: http.IncomingMessage,
  done: (body: Result<Buffer>) => void,
): void {
  const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES;
  const chunks: Buffer[] = [];
  let length = 0;
  let wanted: number | null = null;
  const onError = (error: Error): void => done({ ok: false, failure: describeError(url, error) });
  const body = plainBody(incoming, onError);
  const askHowMuch = (): void => {
    if (request.cutAt && wanted === null)
      wanted = Math.max(0, request.cutAt(Buffer.concat(chunks)));
  };
  body.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= START_BYTES) askHowMuch();
    if (wanted !== null && length >= Math.min(wanted, maxBytes))
      done(ok(Buffer.concat(chunks).subarray(0, Math.min(wanted, maxBytes))));
    else if (length > maxBytes)
      done(fail('failed', `${url.origin} answered with more than ${maxBytes} bytes`));
    else return;
    body.destroy();
  });
  body.on('end', () => done(ok(Buffer.concat(chunks))));
}

/** Some proxies compress whatever is asked for. A compressed part of a file (206) can't be unpacked and stays as it is. */
function plainBody(incoming: http.IncomingMessage, onError: (error: Error) => void): Readable {
  incoming.on('error', onError);
  const isPacked = incoming.headers['content-encoding'] === 'gzip' && incoming.statusCode !== 206;
  if (!isPacked) return incoming;
  const plain = zlib.createGunzip();
  plain.on('error', onError);
  return incoming.pipe(plain);
}

function flatten(headers: http.IncomingHttpHeaders): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function describeError(url: URL, error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === 'ECONNREFUSED'
    ? { reason: 'refused', detail: `nothing listens at ${url.origin}` }
    : { reason: 'failed', detail: `the request to ${url.origin} failed: ${code || error.message}` };
}
