/** Whether a server does its work, asked over HTTP in its engine's own words. */
import { healthRequest } from '../../engines/vllm/api';
import { modelsRequest, readServedModels } from '../../engines/vllm/served';
import type { LaunchFamily } from '../../processes/family';
import type { AppContext } from '../appContext';
import { isLoopback } from '../ollama/ollamaDaemon';
import { endpointOf } from './serverText';
import type { Server } from '../state';

const TIMEOUT_MS = 4_000;

/** A health answer is empty and a list of models short; what streams for ever is something else. */
const MAX_BYTES = 1_000_000;

/** Of a vLLM; what an Ollama has loaded is `ollamaListing.ts`. */
export async function isHealthy(
  context: AppContext,
  server: Server,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await context.http.request({
    ...healthRequest(endpointOf(server)),
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal,
  });
  return answer.ok && answer.value.status === 200;
}

/** Where no process can be looked at: whether what answers on the port serves the model that was asked for. */
async function namesItsModel(
  context: AppContext,
  server: Server,
  signal: AbortSignal,
): Promise<boolean> {
  if (server.wish.engine !== 'vllm') return true;
  const apiKey = await context.apiKeys.of(server);
  const answer = await context.http.request({
    ...modelsRequest(endpointOf(server), apiKey),
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal,
  });
  if (!answer.ok) return false;
  // it wants a key that we don't have: then nothing more can be known; ours it would take
  if (answer.value.status === 401) return apiKey === null;
  const models = readServedModels(answer.value.body);
  return models?.some(({ id }) => id === server.servedModelName) ?? false;
}

/** Somebody else may answer on that port, while ours is still loading and will find it taken. */
export async function isOurs(
  context: AppContext,
  server: Server,
  family: LaunchFamily | null,
  signal: AbortSignal,
): Promise<boolean> {
  if (!family) return server.launch === 'request' || namesItsModel(context, server, signal);
  // sockets are known by their processes only where they listen on the loopback
  if (!isLoopback(server.host)) return namesItsModel(context, server, signal);
  for (const { pid } of [...family.all].reverse()) {
    if ((await context.table.listeningPorts(pid)).includes(server.port)) return true;
  }
  return false;
}
