import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Http } from '../../../../src/app/ports';
import { probeOllama, probeVllm } from '../../../../src/app/servers/probe';
import { openHttp } from '../../../../src/system/http';

/** As the real one, less patient: none may ask for more than 3 s. */
const impatient: Http = {
  request: (request) => {
    assert.ok(
      (request.timeoutMs ?? Infinity) <= 3_000 && (request.maxBytes ?? Infinity) <= 1_000_000,
    );
    return openHttp().request({ ...request, timeoutMs: 400 });
  },
};

const MODELS = JSON.stringify({
  object: 'list',
  data: [{ id: 'm', root: '/m', max_model_len: 8 }],
});
const TRUE: Record<string, string> = {
  '/health': '',
  '/version': '{"version":"0.32.0"}',
  '/v1/models': MODELS,
};

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

describe('probe, against real endpoints', function () {
  this.timeout(8_000);
  const servers: http.Server[] = [];

  async function serve(handler: Handler): Promise<string> {
    const server = http.createServer(handler);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('knows a vLLM by its answers', async () => {
    const base = await serve(({ url = '' }, response) => response.end(TRUE[url]));
    assert.deepEqual(await probeVllm(openHttp(), base), {
      ok: true,
      value: { version: '0.32.0', models: [{ name: 'm', root: '/m', maxModelLen: 8 }] },
    });
  });

  const faults: Readonly<Record<string, Handler>> = {
    'answers 200 with HTML to everything': (_, response) => response.end('<html>hello</html>'),
    'answers 200 with nothing to everything': (_, response) => response.end(),
    'hangs before its answer': () => undefined,
    'hangs within its answer': (_, response) => {
      response.writeHead(200);
      response.write('{"object":"list","data":[');
    },
    'closes half-way': (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"object":"list",');
      setTimeout(() => response.destroy(), 20);
    },
    'streams fast for ever': (_, response) => {
      const chunk = 'x'.repeat(65_536);
      const pump = () => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', pump);
      };
      pump();
    },
    'drips for ever': (_, response) => {
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    },
    'redirects in a circle': (_, response) => {
      response.writeHead(302, { location: '/' }).end();
    },
    'is dead inside': (_, response) => response.writeHead(503).end(),
    'lists something else': ({ url = '' }, response) =>
      response.end(url === '/v1/models' ? '{"models":[]}' : TRUE[url]),
  };

  it(`believes none of ${Object.keys(faults).length} that lie or break, and waits for none`, async () => {
    const from = performance.now();
    await Promise.all(
      Object.entries(faults).map(async ([what, handler]) => {
        const base = await serve(handler);
        for (const probe of [probeVllm, probeOllama]) {
          const answer = await probe(impatient, base);
          assert.equal(answer.ok, false, `${probe.name}: a program that ${what}`);
        }
      }),
    );
    assert.ok(performance.now() - from < 4_000);
  });

  it('says that nobody listens', async () => {
    const base = await serve(() => undefined);
    servers[0]?.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const answer = await probeVllm(openHttp(), base);
    assert.match(answer.ok ? '' : answer.failure.detail, /does not answer/);
  });
});
