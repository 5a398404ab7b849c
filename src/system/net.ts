import net from 'node:net';
import type { Net } from '../app/ports';

const LOOPBACK = '127.0.0.1';

/**
 * Asks by binding for a moment. A server that has bound its port and does not listen yet (vLLM while it loads) is not
 * seen this way: Linux lets two SO_REUSEADDR sockets share a port until one listens, and shows neither in /proc.
 */
export function openNet(): Net {
  return {
    isPortFree: async (port) => (await bind(port)) !== null,
    async freePort() {
      const port = await bind(0);
      if (port === null) throw new Error('this machine has no free loopback port');
      return port;
    },
  };
}

/** The port that was bound, or null where it is taken or not a port. */
function bind(port: number): Promise<number | null> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return Promise.resolve(null);
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(null));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}
