import type { Server } from '../state';

/** A server at the moment of its launch: nothing known yet but what was asked for. */
export function newServer(
  given: Pick<
    Server,
    | 'id'
    | 'title'
    | 'wish'
    | 'command'
    | 'host'
    | 'port'
    | 'servedModelName'
    | 'startedAtMs'
    | 'simulated'
  >,
): Server {
  return {
    ...given,
    phase: 'starting',
    stage: 'starting',
    progress: null,
    facts: null,
    engineVersion: null,
    stopRequested: false,
    endReason: null,
    diagnosis: null,
    failure: null,
    stepUp: null,
    exitCode: null,
    readyAtMs: null,
    endedAtMs: null,
    origin: 'started',
    launch: 'process',
    gpus: null,
    queued: null,
    owner: null,
    disturbances: [],
    record: null,
    plannedBytesPerGpu: [],
    conditions: null,
    usedBytes: null,
    live: null,
    asleep: null,
    warnings: [],
    stillHeld: null,
    seen: true,
  };
}
