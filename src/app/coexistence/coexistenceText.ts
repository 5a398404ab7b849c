/** Ollama beside our servers, in sentences: what it holds, and why it answers slowly. */
import { isSameTag } from '../../engines/ollama/api';
import { formatBytes, formatGib } from '../../shared/units';
import { coexistenceOf, foreignModels, loadedBytes } from './coexistence';
import type { OllamaModel } from './coexistenceState';
import { plannableGpus } from '../planning/plannableGpus';
import type { Settings } from '../settings';
import { liveServers, plannedBytesOf, type AppState, type Server } from '../state';

const SETTING = 'vramPilot.coexistence.ollamaVramReservationMb';
/** For so long a change is news. */
const NEWS_MS = 10 * 60_000;

/** What a surface says beside its figures, the loud first. */
export function coexistenceLines(
  state: AppState,
  settings: Settings,
  nowMs: number,
): readonly string[] {
  const line = ollamaLine(state, settings, nowMs);
  const loud = ollamaFallbacks(state).map(({ text }) => text);
  return line === null ? loud : [...loud, line];
}

/** One quiet line while others use Ollama here; null: nothing to say. */
function ollamaLine(state: AppState, settings: Settings, nowMs: number): string | null {
  const { models, isInUse, change } = state.coexistence.ollama;
  const { ollamaReservationBytes: kept } = coexistenceOf(state, settings);
  const isNews = change !== null && nowMs - change.atMs < NEWS_MS;
  const isLoaded = foreignModels(models, state.servers, nowMs).length > 0;
  if (!isInUse || !(isLoaded || isNews || kept > 0)) return null;
  const heldBytes = loadedBytes(models);
  const names = models.map(({ name }) => name).join(', ');
  const held =
    models.length === 0
      ? 'Ollama has no model loaded'
      : `Ollama holds ${formatBytes(heldBytes)} (${names})`;
  const grewBytes = change ? change.toBytes - change.fromBytes : 0;
  const moved = isNews
    ? `, ${formatBytes(Math.abs(grewBytes))} ${grewBytes > 0 ? 'more' : 'less'} than before`
    : '';
  const more = heldBytes > 0 ? ' more' : '';
  const keeps = kept > 0 ? `; plans keep ${formatGib(kept, 1)}${more} for it (${SETTING})` : '';
  return `${held}${moved}${keeps}.`;
}

export interface OllamaFallback {
  /** The model; one warning until it is back on the GPU. */
  readonly model: string;
  /** What happened, and `lines`. */
  readonly text: string;
  /** Who holds the memory, and what to do. */
  readonly lines: readonly string[];
}

/** Models of Ollama that run on the CPU, at least in part, because servers of ours hold the GPU. */
export function ollamaFallbacks(state: AppState): readonly OllamaFallback[] {
  return state.coexistence.ollama.models.flatMap((model) => {
    const { name, sizeBytes, gpuBytes } = model;
    const lines = whyOnCpu(state, model);
    if (lines === null) return [];
    const share =
      gpuBytes === 0
        ? `all ${formatBytes(sizeBytes)}`
        : `${formatBytes(sizeBytes - gpuBytes)} of the ${formatBytes(sizeBytes)}`;
    const text = `Ollama runs ${share} of ${name} on the CPU and answers slowly: ${lines.join(' ')}`;
    return [{ model: name, text, lines }];
  });
}

/** null: it does not, or not because of our servers. */
function whyOnCpu(state: AppState, model: OllamaModel): readonly string[] | null {
  const onCpuBytes = model.sizeBytes - model.gpuBytes;
  if (onCpuBytes <= 0) return null;
  const own = liveServers(state).find(
    ({ wish }) => wish.engine === 'ollama' && isSameTag(wish.model, model.name),
  );
  // as asked for
  if (own?.wish.options.numGpu != null) return null;
  const culprits = holdersBeside(state, own ?? null, model.sinceMs);
  const [largest] = culprits;
  if (!largest) return null;
  const freeBytes = freeNow(state);
  const heldBytes = culprits.reduce((sum, { bytes }) => sum + bytes, 0);
  // with them there is room, so that it has another reason; or without them there is none either
  if (hasRoom(freeBytes, onCpuBytes)) return null;
  if (freeBytes !== null && onCpuBytes > freeBytes + heldBytes) return null;
  const { title, wish } = largest.server;
  const free = freeBytes === null ? '' : `, ${formatGib(freeBytes, 1)} are free`;
  const smaller = smallerShare(state, largest.server, onCpuBytes - (freeBytes ?? 0));
  const leaves = smaller === null ? '' : ` (${smaller.toFixed(2)} leaves room)`;
  return [
    `${culpritWords(culprits)}${free}.`,
    `What helps: ${wish.engine === 'vllm' ? `start ${title} with a smaller utilization${leaves}, or stop it` : `stop ${title}`},`,
    `or keep more for Ollama (${SETTING});`,
    `then ${reloadWords(model.name)}`,
  ];
}

/** Ollama keeps some hundred MiB clear; with so much more it would have taken the GPU. */
const CLEAR_BYTES = 1024 ** 3;

const hasRoom = (freeBytes: number | null, neededBytes: number): boolean =>
  freeBytes !== null && freeBytes >= neededBytes + CLEAR_BYTES;

const reloadWords = (name: string): string =>
  `unload the model (ollama stop ${name}): its next request loads it on the GPU.`;

/** Where a model of Ollama runs, and what to do where it should not be there. */
export function placementLine(state: AppState, model: OllamaModel): string {
  const onCpuBytes = model.sizeBytes - model.gpuBytes;
  const size = `${model.name}: ${formatBytes(model.sizeBytes)}`;
  if (onCpuBytes <= 0) return `${size}, all on the GPU.`;
  const room = hasRoom(freeNow(state), onCpuBytes)
    ? ` There is room for it now: ${reloadWords(model.name)}`
    : '';
  return `${size}, ${formatBytes(onCpuBytes)} of it on the CPU.${room}`;
}

interface Culprit {
  readonly server: Server;
  readonly bytes: number;
}

/** Servers of ours, but for `own`, that held GPU memory when something was loaded; largest first. */
export function holdersBeside(
  state: Pick<AppState, 'servers'>,
  own: Pick<Server, 'id'> | null,
  loadedAtMs: number,
): readonly Culprit[] {
  return state.servers
    .filter(
      ({ id, phase, queued, simulated, asleep, startedAtMs }) =>
        id !== own?.id &&
        (phase === 'starting' || phase === 'ready') &&
        queued === null &&
        !simulated &&
        asleep !== true &&
        startedAtMs <= loadedAtMs,
    )
    .map((server) => ({ server, bytes: server.usedBytes ?? plannedBytesOf(server) ?? 0 }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);
}

export function culpritWords(culprits: readonly Culprit[]): string {
  return culprits
    .map(({ server, bytes }) => `${server.title} holds ${formatGib(bytes, 1)}`)
    .join(', ');
}

function freeNow({ gpu }: AppState): number | null {
  const free = plannableGpus(gpu.sample?.gpus ?? []).map(({ freeBytes }) => freeBytes ?? null);
  return free.length === 0 || free.includes(null)
    ? null
    : free.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
}

/** In steps of 0.05; null: none below the one it has, or that is not known. */
function smallerShare(
  state: AppState,
  { wish, gpus }: Server,
  missingBytes: number,
): number | null {
  const now = wish.options.gpuMemoryUtilization;
  const known = plannableGpus(state.gpu.sample?.gpus ?? []);
  const card = gpus === null ? known[0] : known.find(({ index }) => gpus.includes(index));
  if (!now || !card) return null;
  const share = Math.floor((now - missingBytes / card.totalBytes) * 20 + 1e-9) / 20;
  return share >= 0.1 ? share : null;
}
