/** Stops servers by the recipe of their engine and stage, then waits until the memory is really back. */
import { ollamaStopRecipe } from '../../engines/ollama/stop';
import { metricsRequest } from '../../engines/vllm/api';
import { readVllmMetrics } from '../../engines/vllm/metrics';
import { vllmStopRecipe } from '../../engines/vllm/stop';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import type { LaunchRecord } from '../../processes/process';
import { stillHeldText } from './forgetting';
import type { Observer } from './observer';
import type { OllamaServing } from '../ollama/ollamaServing';
import { endpointOf } from './serverText';
import type { Server } from '../state';
import { stopLaunch } from './stopper';

/** A process that is being started has a pid by then, or never will. */
const PID_WAIT_MS = 20_000;
/** Memory of a large model comes back 1–5 s after the last process; longer than this is worth a word. */
const MEMORY_BACK_MS = 10_000;
/** Longer than every recipe: a vLLM that compiles takes the longest. */
const END_WAIT_MS = 120_000;
const METRICS_TIMEOUT_MS = 2_000;

export async function stopServer(
  context: AppContext,
  observer: Observer,
  ollama: OllamaServing,
  id: string,
  options: {
    force: boolean;
    /** Also where it counts as stopping already: that was asked for, and nobody carries it out. */
    takeOver?: boolean;
  },
): Promise<Result<void>> {
  const { store, log } = context;
  let server = store.state().servers.find((one) => one.id === id);
  if (!server) return fail('notFound', 'There is no such server.');
  if (server.phase === 'ended') return ok(undefined);
  const isCarriedOut = server.phase === 'stopping' && options.takeOver !== true;
  if (isCarriedOut && !options.force) return waitForEnd(context, id);
  log.info('stopping', options.force ? 'force' : 'stop', { id, stage: server.stage });
  store.dispatch({
    type: 'serverLived',
    id,
    event: { type: 'stopRequested' },
    change: { stage: 'stopping' },
  });
  const { stage } = server;
  // the window that hears its output must know that this end is no crash
  await context.registry.save({ ...server, stopRequested: true });
  if (stage === 'starting' && server.launch === 'process' && !server.record) {
    server = (await waitForRecord(context, id)) ?? server;
    if (server.phase === 'ended') return ok(undefined);
  }
  if (server.wish.engine === 'ollama') {
    const unloaded = await ollama.unload(server);
    if (!server.record || (await ollama.handDaemonOver(server))) {
      await observer.ended(id, null);
      return unloaded;
    }
  }
  if (!server.record) {
    // without an identity nothing may be signalled, and nothing says that it ended: not before the terminal does
    if (options.force) await observer.ended(id, null);
    return fail('notFound', 'Nothing is known about its process; look into its terminal.');
  }
  const steps =
    server.wish.engine === 'vllm'
      ? vllmStopRecipe(stage, {
          forced: options.force,
          streamOpen: await isAnswering(context, server),
        })
      : ollamaStopRecipe({ forced: options.force });
  const outcome = await stopLaunch(context, server.record, steps);
  log.info('stopping', outcome.gone ? 'gone' : 'something is left', {
    id,
    signals: outcome.signalled.length,
    left: outcome.survivors.length,
  });
  // found again after a reload there may be no event from the terminal
  await observer.ended(id, null);
  const held =
    (await waitForMemory(context, outcome.record)) ??
    (outcome.gone ? null : stillHeldText(outcome.survivors.map(pidOf), [], store.state().holders));
  if (held !== null) store.dispatch({ type: 'serverChanged', id, change: { stillHeld: held } });
  return outcome.gone
    ? ok(undefined)
    : fail('failed', `Still there: PID ${outcome.survivors.map((one) => one.pid).join(', ')}.`);
}

/** Somebody else ends it: whoever asks now is answered when that is done, so that a restart does not begin before. */
async function waitForEnd({ store, clock }: AppContext, id: string): Promise<Result<void>> {
  const deadline = clock.elapsedMs() + END_WAIT_MS;
  const isThere = () => store.state().servers.some((one) => one.id === id && one.phase !== 'ended');
  while (isThere()) {
    if (clock.elapsedMs() >= deadline)
      return fail('timedOut', 'It is still stopping; force the stop to end it at once.');
    await clock.sleep(200);
  }
  return ok(undefined);
}

/** Between the start of a process and its record nothing may be signalled. */
async function waitForRecord(context: AppContext, id: string): Promise<Server | undefined> {
  const { store, clock } = context;
  const deadline = clock.elapsedMs() + PID_WAIT_MS;
  for (;;) {
    const server = store.state().servers.find((one) => one.id === id);
    if (!server || server.record || server.phase === 'ended' || clock.elapsedMs() >= deadline)
      return server;
    await clock.sleep(200);
  }
}

/** A request under way holds up a polite stop; what can't be asked counts as idle, the recipe goes on anyway. */
async function isAnswering(context: AppContext, server: Server): Promise<boolean> {
  if (server.readyAtMs === null) return false;
  const request = metricsRequest(endpointOf(server));
  const answer = await context.http.request({ ...request, timeoutMs: METRICS_TIMEOUT_MS });
  return answer.ok && (readVllmMetrics(answer.value.body).runningRequests ?? 0) > 0;
}

/** Null when nothing of it holds memory any more, or where nobody can tell. */
export async function waitForMemory(
  context: AppContext,
  record: LaunchRecord,
): Promise<string | null> {
  const ours = new Set(record.seen.map((one) => one.pid));
  const deadline = context.clock.elapsedMs() + MEMORY_BACK_MS;
  for (;;) {
    const sample = await context.lookAtGpus();
    const holding = (sample?.processes ?? []).filter((process) => ours.has(process.pid));
    if (holding.length === 0) return null;
    if (context.clock.elapsedMs() >= deadline) {
      return stillHeldText(holding.map(pidOf), holding, context.store.state().holders);
    }
    await context.clock.sleep(500);
  }
}

function pidOf({ pid }: { readonly pid: number }): number {
  return pid;
}
