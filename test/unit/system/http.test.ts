import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
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
      else if (request.url === '/big') response.end('x'.repeat(5000));
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
