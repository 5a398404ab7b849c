/** Whether a server does its work, asked over HTTP in its engine's own words. */
import { ollamaPsRequest, readOllamaPs } from '../engines/ollama/api';
import { healthRequest } from '../engines/vllm/api';
import { formatBytes } from '../shared/units';
import type { AppContext } from './appContext';
import { endpointOf } from './serverText';
import type { Server } from './state';

const TIMEOUT_MS = 4_000;

export interface Readiness {
  readonly isReady: boolean;
  /** Loud facts, e.g. that part of the model runs on the CPU. */
  readonly warnings: readonly string[];
}

const NOT_READY: Readiness = { isReady: false, warnings: [] };

export async function askReadiness(
  context: AppContext,
  server: Server,
  signal: AbortSignal,
): Promise<Readiness> {
  const isVllm = server.wish.engine === 'vllm';
  const answer = await context.http.request({
    ...(isVllm ? healthRequest : ollamaPsRequest)(endpointOf(server)),
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (!answer.ok || answer.value.status !== 200) return NOT_READY;
  if (isVllm) return { isReady: true, warnings: [] };
  const loaded = readOllamaPs(answer.value.body)?.find((model) =>
    isSameTag(model.name, server.wish.model),
  );
  return loaded ? { isReady: true, warnings: placementWarnings(loaded) } : NOT_READY;
}

/** `llama3` and `llama3:latest` are one. */
function isSameTag(a: string, b: string): boolean {
  const full = (tag: string) => (tag.includes(':') ? tag : `${tag}:latest`);
  return full(a) === full(b);
}

function placementWarnings(model: { sizeBytes: number; gpuBytes: number }): string[] {
  if (model.gpuBytes >= model.sizeBytes) return [];
  if (model.gpuBytes === 0) return ['Runs on the CPU: nothing of it is on the GPU.'];
  const onCpu = model.sizeBytes - model.gpuBytes;
  return [
    `${formatBytes(onCpu)} of ${formatBytes(model.sizeBytes)} run on the CPU; answers will be slow.`,
  ];
}
