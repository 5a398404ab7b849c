/**
 * A stand-in for a model hub: a plain HTTP server on loopback that serves made-up repositories under
 * `/{org}/{name}/resolve/{revision}/{file}`, counts what it is asked and what it sends, and misbehaves on demand.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';

export interface HubRequest {
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
  /** What went over the wire in answer to it: the body's bytes. */
  sentBytes: number;
  /** Seen when the client hung up before the answer was over. */
  closedEarly: boolean;
}

type Answer = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  content: Uint8Array | null,
) => void;

export interface HubServer {
  readonly endpoint: string;
  /** In order; redirected ones once each. */
  readonly requests: HubRequest[];
  /** Files by `org/name/file`. A hole is a number of zero bytes behind the content: weights that nobody should read. */
  put(path: string, content: string | Uint8Array, holeBytes?: number): void;
  /** Answers for one file, or for all (`*`), until taken back with null. */
  misbehave(path: string, answer: Answer | null): void;
  /** A later commit of all repositories, or none told. */
  commit: string | null;
  /** Files under it are given away only with this token. */
  token: string | null;
  stop(): Promise<void>;
}

const PIECE = 64 * 1024;

export async function startHubServer(host = '127.0.0.1'): Promise<HubServer> {
  const contents = new Map<string, { bytes: Uint8Array; holeBytes: number }>();
  const answers = new Map<string, Answer>();
  const requests: HubRequest[] = [];
  const server = http.createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const noted: HubRequest = {
      path,
      range: request.headers.range ?? null,
      authorization: request.headers.authorization ?? null,
      sentBytes: 0,
      closedEarly: false,
    };
    requests.push(noted);
    countSent(response, noted);
    const [, org, name, file] = /^\/([^/]+)\/([^/]+)\/resolve\/main\/(.+)$/.exec(path) ?? [];
    const key = file === undefined ? path : `${String(org)}/${String(name)}/${file}`;
    const content = contents.get(key) ?? null;
    const own = answers.get(key) ?? answers.get('*');
    if (own) own(request, response, content?.bytes ?? null);
    else if (hub.token !== null && noted.authorization !== `Bearer ${hub.token}`)
      response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end('{"error":"gated"}');
    else if (!content) notFound(response, [...contents.keys()], `${String(org)}/${String(name)}/`);
    else serve(request, response, content, hub.commit);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const hub: HubServer = {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    commit: 'a'.repeat(40),
    token: null,
    put: (path, content, holeBytes = 0) => {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      contents.set(path, { bytes, holeBytes });
    },
    misbehave: (path, answer) => {
      if (answer) answers.set(path, answer);
      else answers.delete(path);
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return hub;
}

function countSent(response: http.ServerResponse, noted: HubRequest): void {
  const write = response.write.bind(response);
  response.write = ((chunk: Uint8Array | string, ...rest: never[]) => {
    noted.sentBytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
    return write(chunk, ...rest);
  }) as typeof response.write;
  response.on('close', () => {
    noted.closedEarly = !response.writableFinished;
  });
}

function notFound(response: http.ServerResponse, known: string[], repo: string): void {
  const code = known.some((path) => path.startsWith(repo)) ? 'EntryNotFound' : 'RepoNotFound';
  response.writeHead(404, { 'x-error-code': code }).end(`{"error":"${code}"}`);
}

function serve(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { bytes, holeBytes }: { bytes: Uint8Array; holeBytes: number },
  commit: string | null,
): void {
  const total = bytes.length + holeBytes;
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const headers = {
    'content-type': 'application/octet-stream',
    ...(commit === null ? {} : { 'x-repo-commit': commit }),
  };
  const from = Number(first ?? 0);
  const to = last === undefined ? total : Math.min(total, Number(last) + 1);
  const range = first === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${total}` };
  response.writeHead(first === undefined ? 200 : 206, {
    ...headers,
    ...range,
    'content-length': to - from,
  });
  sendSlowly(response, bytes, from, to);
}

/** Piece by piece, waiting for the client, so that what it does not take is not sent. */
function sendSlowly(
  response: http.ServerResponse,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  let at = from;
  const next = (): void => {
    while (at < to && !response.destroyed) {
      const piece = new Uint8Array(Math.min(PIECE, to - at));
      piece.set(bytes.subarray(Math.min(at, bytes.length), Math.min(at + piece.length, to)));
      at += piece.length;
      if (!response.write(piece)) {
        response.once('drain', next);
        return;
      }
    }
    if (at >= to) response.end();
  };
  next();
}

/** Ways to misbehave. */
export const badly = {
  status:
    (status: number, headers: http.OutgoingHttpHeaders = {}): Answer =>
    (_request, response) => {
      response.writeHead(status, headers).end('x'.repeat(100_000));
    },
  redirect:
    (location: string, status = 302): Answer =>
    (_request, response) => {
      response.writeHead(status, { location }).end('elsewhere');
    },
  withoutRanges: (): Answer => (_request, response, content) => {
    const bytes = content ?? new Uint8Array();
    response.writeHead(200, { 'content-length': bytes.length + 2_000_000_000 });
    sendSlowly(response, bytes, 0, bytes.length + 2_000_000_000);
  },
  withoutLength: (): Answer => (_request, response, content) => {
    response.writeHead(200);
    sendSlowly(response, content ?? new Uint8Array(), 0, (content?.length ?? 0) + 500_000_000);
  },
  /** Sends the content and never stops. */
  endless: (): Answer => (_request, response, content) => {
    response.writeHead(200);
    sendSlowly(response, content ?? new Uint8Array(), 0, Number.MAX_SAFE_INTEGER);
  },
  packed:
    (status = 200): Answer =>
    (_request, response, content) => {
      response
        .writeHead(status, { 'content-encoding': 'gzip', 'content-range': 'bytes 0-9/10' })
        .end(zlib.gzipSync(content ?? new Uint8Array()));
    },
  wrongOffset: (): Answer => (_request, response, content) => {
    const bytes = (content ?? new Uint8Array()).subarray(100);
    response
      .writeHead(206, { 'content-range': `bytes 100-${99 + bytes.length}/5000000` })
      .end(bytes);
  },
  silent: (): Answer => () => undefined,
  /** Headers and the first bytes, then nothing. */
  stuck:
    (bytes = 4): Answer =>
    (_request, response, content) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write((content ?? new Uint8Array(bytes)).subarray(0, bytes));
    },
  cutOff:
    (bytes = 20): Answer =>
    (_request, response, content) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write((content ?? new Uint8Array(bytes)).subarray(0, bytes), () =>
        response.destroy(),
      );
    },
  page: (): Answer => (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end('<html><body>Please sign in</body></html>');
  },
} as const;
