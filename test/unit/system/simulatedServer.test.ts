import assert from 'node:assert/strict';
import type http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { createSimulatedServer } from '../../../src/system/simulatedServer';

describe('simulated server', () => {
  let server: http.Server;
  let port = 0;
  beforeEach(async () => {
    server = createSimulatedServer('m');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = async (path: string, body?: object): Promise<string> => {
    const given = body ? { method: 'POST', body: JSON.stringify(body) } : {};
    return (await fetch(`http://127.0.0.1:${port}${path}`, given)).text();
  };

  it('answers as vLLM does, and says that it is simulated', async () => {
    assert.equal(await ask('/health'), '');
    assert.match(await ask('/v1/models'), /"id":"m"/);
    assert.match(await ask('/v1/chat/completions', {}), /chat\.completion".*simulated server/);
    const streamed = await ask('/v1/chat/completions', { stream: true });
    assert.match(streamed, /^data: .*simulated server[^]*data: \[DONE\]\n\n$/);
  });

  it('outlives a client that leaves in the middle of its request', async () => {
    const errors: unknown[] = [];
    const note = (error: unknown) => errors.push(error);
    process.on('unhandledRejection', note);
    const socket = net.connect(port, '127.0.0.1');
    const left = new Promise((resolve) =>
      server.once('request', (request: http.IncomingMessage) => {
        request.once('close', resolve);
        socket.destroy();
      }),
    );
    socket.write('POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{');
    await left;
    assert.equal(await ask('/health'), '');
    process.off('unhandledRejection', note);
    assert.deepEqual(errors, []);
  });
});
