/** A word about a server may stay on the screen for hours: who is meant when a button of it is pressed at last. */
import type { Server } from '../state';
import { endpointOf } from './serverText';

/** The server itself while it is ready, else the one that is ready in its place, as after a restart; null: nobody. */
export function whoServes(server: Server, servers: readonly Server[]): Server | null {
  const ready = servers.filter(({ phase }) => phase === 'ready');
  const isInItsPlace = (one: Server) =>
    endpointOf(one) === endpointOf(server) && one.servedModelName === server.servedModelName;
  return ready.find(({ id }) => id === server.id) ?? ready.find(isInItsPlace) ?? null;
}
