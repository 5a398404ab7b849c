/** Ports for new servers. What the preview showed is what a launch takes, while it is still free. */
import type { Clock, Net } from '../ports';
import { liveServers } from '../state';
import type { AppStore } from '../store';

/** vLLM's own default; a free one is taken where the user fixed none. */
export const PREFERRED_PORT = 8000;
/** A command line that changes at every look would be noise. */
const PREVIEW_MS = 10_000;

export interface PortChooser {
  /** For showing. */
  preview(): Promise<number>;
  /** For a launch now: the previewed one, unless somebody took it meanwhile. */
  take(): Promise<number>;
}

export function createPortChooser(store: AppStore, net: Net, clock: Clock): PortChooser {
  let known = PREFERRED_PORT;
  let askedAtMs = -Infinity;

  /**
   * Free, and not promised to a server of ours: vLLM binds its port long before it listens, and until then binding it
   * a second time succeeds.
   */
  async function choose(wanted: readonly number[]): Promise<number> {
    const taken = new Set(liveServers(store.state()).map((server) => server.port));
    let next = PREFERRED_PORT;
    while (taken.has(next)) next += 1;
    for (const port of [...wanted, next]) {
      if (!taken.has(port) && (await net.isPortFree(port))) return port;
    }
    return net.freePort();
  }

  return {
    async preview() {
      if (clock.elapsedMs() - askedAtMs > PREVIEW_MS) {
        askedAtMs = clock.elapsedMs();
        known = await choose([PREFERRED_PORT, known]);
      }
      return known;
    },
    async take() {
      known = await choose([known]);
      return known;
    },
  };
}
