import http from 'node:http';
import https from 'node:https';
import type { Http, HttpAnswer, HttpRequest } from '../app/ports';
import { fail, ok, type Failure, type Result } from '../shared/failure';

const DEFAULT_MAX_BYTES = 64 * 1024 ** 2;

/**
 * node:http instead of fetch: fetch gives up after 300 s without headers, and loading a model into Ollama takes
 * longer. Connections are closed after each answer: an idle one kept open can hold up a vLLM that shuts down.
 */
export function openHttp(): Http {
  return { request: (request) => follow(request, request.redirects ?? 0) };
}

async function follow(request: HttpRequest, redirectsLeft: number): Promise<Result<HttpAnswer>> {
  const url = parseUrl(request.url);
  if (!url) return fail('failed', `${request.url} is not an http(s) address`);
  const answer = await send(url, request);
  if (!answer.ok || redirectsLeft <= 0) return answer;
  const target = redirectTarget(url, request, answer.value);
  return target === null ? answer : follow(target, redirectsLeft - 1);
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

function send(url: URL, request: HttpRequest): Promise<Result<HttpAnswer>> {
  return new Promise((resolve) => {
    if (request.signal?.aborted === true) {
      resolve(fail('cancelled', `the request to ${url.origin} was cancelled`));
      return;
    }
    const door = url.protocol === 'https:' ? https : http;
    const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES;
    const outgoing = door.request(url, {
      method: request.method ?? 'GET',
      headers: {
        'accept-encoding': 'identity',
        ...(request.body === undefined
          ? {}
          : { 'content-length': Buffer.byteLength(request.body) }),
        ...request.headers,
      },
      agent: false,
    });
    const settle = (result: Result<HttpAnswer>): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      resolve(result);
      outgoing.destroy();
    };
    const onAbort = (): void =>
      settle(fail('cancelled', `the request to ${url.origin} was cancelled`));
    const timer = setTimeout(
      () => settle(fail('timedOut', `${url.origin} did not answer within ${request.timeoutMs} ms`)),
      request.timeoutMs,
    );
    request.signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.on('error', (error) => settle({ ok: false, failure: describeError(url, error) }));
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBytes)
          settle(fail('failed', `${url.origin} answered with more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      incoming.on('error', (error) => settle({ ok: false, failure: describeError(url, error) }));
      incoming.on('end', () =>
        settle(
          ok({
            status: incoming.statusCode ?? 0,
            headers: flatten(incoming.headers),
            body: Buffer.concat(chunks).toString(request.encoding ?? 'utf8'),
          }),
        ),
      );
    });
    outgoing.end(request.body);
  });
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
