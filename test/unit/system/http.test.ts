import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { openHttp } from '../../../src/system/http';
import { openNet } from '../../../src/system/net';

describe('http', () => {
  const door = openHttp();
  const asked: http.IncomingMessage[] = [];
  let server: http.Server;
  let origin = '';
  before(async () => {
    server = http.createServer((request, response) => {
      asked.push(request);
      if (request.url === '/silent') return;
      if (request.url === '/redirect') response.writeHead(302, { location: '/bytes' }).end();
      else if (request.url === '/elsewhere')
        response
          .writeHead(307, { location: `${origin.replace('127.0.0.1', 'localhost')}/bytes` })
          .end();
      else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
      else if (request.url === '/bytes') response.writeHead(206).end(Buffer.from([0, 128, 255]));
      else if (request.url === '/cut')
        response
          .writeHead(200, { 'content-length': '100' })
          .write('half', () => response.destroy());
      else if (request.url === '/late') setTimeout(() => response.end('at last'), 300);
      else if (request.url === '/stream') stream(response);
      else if (request.url === '/big') response.end('x'.repeat(5000));
      else if (request.url === '/short') response.end('abc');
      else if (request.url === '/drip') drip(response);
      else if (request.url === '/gzip')
        response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(zlib.gzipSync('y'.repeat(9000)));
      else if (request.url === '/no-gzip')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end('plain text');
      else if (request.url === '/slow-loop')
        setTimeout(() => response.writeHead(302, { location: '/slow-loop' }).end(), 60);
      else if (request.url === '/down')
        response.writeHead(302, { location: 'file:///etc/passwd' }).end('x'.repeat(5000));
      else request.pipe(response.writeHead(404, { 'X-Kind': 'echo' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = (path: string, more: object = {}): ReturnType<typeof door.request> =>
    door.request({ url: origin + path, timeoutMs: 5000, ...more });
  const reason = async (answer: ReturnType<typeof door.request>): Promise<string> => {
    const result = await answer;
    return result.ok ? `answered ${result.value.status}` : result.failure.reason;
  };

  it('without a time-out waits as long as the connection lives', async () => {
    const answer = await ask('/late', { timeoutMs: null });
    assert.equal(answer.ok && answer.value.body, 'at last');
    assert.equal(await reason(ask('/late', { timeoutMs: 50 })), 'timedOut');
    assert.equal(await reason(ask('/cut', { timeoutMs: null })), 'failed');
  });

  it('gives a body away as it comes, no character cut in two, until it is cancelled', async () => {
    const chunks: string[] = [];
    const answer = await ask('/stream', { onText: (chunk: string) => chunks.push(chunk) });
    assert.deepEqual(answer.ok && [answer.value.status, answer.value.body], [200, '']);
    assert.ok(chunks.length > 1);
    assert.equal(chunks.join(''), 'größer\n'.repeat(5));
    const abort = new AbortController();
    let seen = 0;
    const onText = () => {
      seen += 1;
      abort.abort();
    };
    const cancelled = ask('/stream', { timeoutMs: null, signal: abort.signal, onText });
    assert.equal(await reason(cancelled), 'cancelled');
    await new Promise((next) => setTimeout(next, 100));
    assert.equal(seen, 1);
    const refused = await ask('/no-such', { onText: (chunk: string) => chunks.push(chunk) });
    assert.equal(refused.ok && refused.value.status, 404, 'an error comes as a whole');
  });

  it('takes any status for an answer, and sends a body', async () => {
    const answer = await ask('/x', { method: 'POST', body: 'grüße' });
    assert.ok(answer.ok);
    assert.deepEqual(
      [answer.value.status, answer.value.body, answer.value.headers['x-kind']],
      [404, 'grüße', 'echo'],
    );
    assert.equal(asked.at(-1)?.headers.connection, 'close');
  });

  it('ends in time, on demand, and with a reason', async () => {
    assert.equal(await reason(ask('/silent', { timeoutMs: 200 })), 'timedOut');
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    assert.equal(await reason(ask('/silent', { signal: abort.signal })), 'cancelled');
    assert.equal(await reason(ask('/silent', { signal: abort.signal })), 'cancelled');
    assert.equal(await reason(ask('/cut')), 'failed');
    assert.equal(await reason(ask('/big', { maxBytes: 100 })), 'failed');
    for (const url of ['ftp://x/', 'nonsense', 'file:///etc/passwd'])
      assert.equal(await reason(door.request({ url, timeoutMs: 100 })), 'failed', url);
    const free = await openNet().freePort();
    assert.equal(
      await reason(door.request({ url: `http://127.0.0.1:${free}`, timeoutMs: 2000 })),
      'refused',
    );
  });

  it('keeps bytes, follows redirects only when asked, and takes no credentials along', async () => {
    const bytes = await ask('/bytes', { encoding: 'latin1' });
    assert.deepEqual(bytes.ok && [...Buffer.from(bytes.value.body, 'latin1')], [0, 128, 255]);
    assert.equal(await reason(ask('/redirect')), 'answered 302');
    assert.equal(await reason(ask('/redirect', { redirects: 2 })), 'answered 206');
    assert.equal(await reason(ask('/loop', { redirects: 3 })), 'answered 302');
    const headers = { Authorization: 'Bearer geheim', Range: 'bytes=0-2' };
    assert.equal(await reason(ask('/elsewhere', { redirects: 1, headers })), 'answered 206');
    assert.deepEqual(
      [asked.at(-1)?.headers.authorization, asked.at(-1)?.headers.range],
      [undefined, 'bytes=0-2'],
    );
  });

  it('reads the start of an answer and leaves the rest', async () => {
    const starts: number[] = [];
    const cut = async (path: string, bytes: number, more: object = {}): Promise<string> => {
      const cutAt = (start: Uint8Array): number => {
        starts.push(start.length);
        return bytes;
      };
      const answer = await ask(path, { cutAt, ...more });
      return answer.ok
        ? `${answer.value.status} ${answer.value.body.length}`
        : answer.failure.reason;
    };
    assert.equal(await cut('/big', 100), '200 100');
    assert.equal(await cut('/big', 100, { maxBytes: 50 }), '200 50');
    assert.equal(await cut('/big', 9000), '200 5000');
    assert.equal(await cut('/big', -1), '200 0');
    assert.equal(await cut('/short', 100), '200 3');
    assert.equal(await cut('/drip', 30), '200 30', 'an answer without an end');
    assert.equal(await cut('/gzip', 100), '200 100');
    assert.ok(starts.length === 6 && starts.every((length) => length >= 8), starts.join());
    assert.equal(await cut('/x', 100, { method: 'POST', body: 'a body of 20 letters' }), '404 0');
    assert.equal(await cut('/cut', 100), 'failed');
  });

  it('unpacks what was compressed unasked', async () => {
    const answer = await ask('/gzip');
    assert.equal(answer.ok && answer.value.body.length, 9000);
    assert.equal(await reason(ask('/gzip', { maxBytes: 5000 })), 'failed', 'by its real size');
    assert.equal(await reason(ask('/no-gzip')), 'failed');
  });

  it('holds the time-out over all redirects, and takes no body of theirs', async () => {
    const start = performance.now();
    assert.equal(await reason(ask('/slow-loop', { redirects: 50, timeoutMs: 250 })), 'timedOut');
    assert.ok(performance.now() - start < 1000);
    const down = await ask('/down', { redirects: 3 });
    assert.deepEqual(down.ok && [down.value.status, down.value.body], [302, '']);
  });

  it('refuses a header that can not be sent, without repeating it', async () => {
    const answer = await ask('/bytes', { headers: { authorization: 'Bearer geheim\r\nx: y' } });
    assert.ok(!answer.ok);
    assert.match(answer.failure.detail, /characters that can't be sent/);
    assert.doesNotMatch(answer.failure.detail, /geheim/);
  });

  it('knows free ports from taken ones', async () => {
    const taken = Number(new URL(origin).port);
    const net = openNet();
    assert.equal(await net.isPortFree(taken), false);
    const free = await net.freePort();
    assert.notEqual(free, taken);
    assert.equal(await net.isPortFree(free), true);
    assert.equal(await net.isPortFree(70_000), false);
  });
});

/** Three bytes at a time, for ever. */
/** Five lines, each in two pieces between the bytes of one character. */
function stream(response: http.ServerResponse): void {
  const line = Buffer.from('größer\n');
  let pieces = 0;
  const timer = setInterval(() => {
    response.write(pieces % 2 === 0 ? line.subarray(0, 3) : line.subarray(3));
    pieces += 1;
    if (pieces === 10) response.end();
    if (pieces === 10 || response.destroyed) clearInterval(timer);
  }, 10);
}

function drip(response: http.ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('abc'), 2);
  response.on('close', () => clearInterval(timer));
}
