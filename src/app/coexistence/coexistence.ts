/**
 * Living together on one card with Ollama: what of it is seen from here, how much plans keep free for it, and why.
 * Ollama loads models when somebody asks for them, and takes the CPU without a word where the GPU has no room.
 */
import { isSameTag } from '../../engines/ollama/api';
import type { WorkerSettings } from '../../planner/workerSettings';
import { reservationForCard } from '../../planner/workers';
import type { Holder } from '../../processes/process';
import type { PlanSurroundings } from '../../shared/wish';
import { formatGib, GIB, MIB } from '../../shared/units';
import type { OllamaModel } from './coexistenceState';
import { plannableGpus } from '../planning/plannableGpus';
import { settingDefaults, type Settings } from '../settings';
import type { AppState, Server } from '../state';

/** The settings of this machine and window, in the planner's words. */
export function workerSettingsOf(settings: Settings): WorkerSettings {
  const reservationMb = settings['coexistence.ollamaVramReservationMb'];
  const untouched = reservationMb === settingDefaults()['coexistence.ollamaVramReservationMb'];
  return {
    // left at its default, the reservation goes by the size of the card
    reservationBytes: untouched ? null : reservationMb * MIB,
    maxWorkersPerGib: settings['coexistence.maxWorkersPerGb'],
    minimumBytesPerWorker: settings['coexistence.minVramPerWorkerGb'] * GIB,
    bufferBytes: settings['coexistence.safetyBufferMb'] * MIB,
    detectsOllama: settings['coexistence.enableOllamaDetection'],
    fallsBackToCpu: settings['coexistence.fallbackToCpuWhenConstrained'],
    maxWorkers: settings['coexistence.maxWorkers'],
    source: 'VS Code settings',
  };
}

/** `/usr/bin/ollama runner`, `…/lib/ollama/llama-server`, `C:\…\ollama.exe`: the program, not an argument. */
const OLLAMA_PROGRAM =
  /^\[?(?:[a-z]:\\.*?(?=ollama\.exe)|\S*[\\/])?(?:ollama(?:_llama_server)?|ollama[\\/](?:\S*[\\/])?llama-server)(?:\.exe)?(?:[\s\]]|$)/i;

export function isOllamaHolder({ command }: Pick<Holder, 'command'>): boolean {
  return OLLAMA_PROGRAM.test(command ?? '');
}

/**
 * Bytes that Ollama's processes hold on one GPU, as far as the tool tells; 0 where none is seen. A process on several is
 * known by its sum alone: Ollama spreads a model's layers, so an equal part is counted on each.
 */
export function heldByOllama(holders: readonly Holder[], gpuIndex: number): number {
  return holders
    .filter((holder) => holder.gpus.includes(gpuIndex) && isOllamaHolder(holder))
    .reduce((sum, { usedBytes, gpus }) => sum + (usedBytes ?? 0) / gpus.length, 0);
}

/** Ollama on one card, from processes and from what the daemon tells. */
export interface OllamaOnCard {
  /** Missing from what is free already. */
  readonly heldBytes: number;
  /** Somebody else than our servers uses it: it may grow any time. */
  readonly isInUse: boolean;
}

export function ollamaOnCard(
  { holders, coexistence: { ollama } }: Pick<AppState, 'holders' | 'coexistence'>,
  gpuIndex: number,
): OllamaOnCard {
  const seen = holders.filter(isOllamaHolder);
  const hasFigures = seen.some(({ usedBytes }) => usedBytes !== null);
  const seenOn = new Set(seen.flatMap(({ gpus }) => gpus));
  const isElsewhere = seen.length > 0 && !seenOn.has(gpuIndex);
  const isOurs = ({ class: kind }: Holder) => kind === 'ourServer' || kind === 'adoptedServer';
  // a daemon that answers knows whose models it has loaded
  const isInUse = ollama.answers ? ollama.isInUse : !seen.every(isOurs);
  return {
    heldBytes: hasFigures
      ? heldByOllama(holders, gpuIndex)
      : isElsewhere
        ? 0
        : loadedBytes(ollama.models) / Math.max(1, seenOn.size),
    isInUse: isInUse && !isElsewhere,
  };
}

/** On GPUs. */
export function loadedBytes(models: readonly Pick<OllamaModel, 'gpuBytes'>[]): number {
  return models.reduce((sum, { gpuBytes }) => sum + gpuBytes, 0);
}

/** What a server of ours had loaded may stay listed for a while after its end. */
const JUST_ENDED_MS = 60_000;

/** Models that the daemon has loaded for somebody else than our servers. */
export function foreignModels<T extends { readonly name: string }>(
  models: readonly T[],
  servers: readonly Server[],
  nowMs: number,
): readonly T[] {
  const ours = servers.filter(
    ({ wish, endedAtMs }) =>
      wish.engine === 'ollama' && (endedAtMs === null || nowMs - endedAtMs < JUST_ENDED_MS),
  );
  return models.filter(({ name }) => !ours.some(({ wish }) => isSameTag(wish.model, name)));
}

export interface Reservation {
  /** Beyond what Ollama holds already. */
  readonly bytes: number;
  /** In words, with the setting that decides; null: nothing is kept. */
  readonly reason: string | null;
}

const NOTHING: Reservation = { bytes: 0, reason: null };

/**
 * What a plan keeps free for Ollama on a card of that size: what the user set (an untouched default is no wish), or, for
 * an Ollama that somebody uses here, as much as such a card should; less what it holds already. An idle daemon keeps
 * nothing: most that are installed are never used beside a server. With detection off all of it is kept at all times.
 */
export function ollamaReservation(
  { reservationBytes, detectsOllama, source }: WorkerSettings,
  totalBytes: number,
  { heldBytes, isInUse }: OllamaOnCard,
): Reservation {
  if (reservationBytes === 0) return NOTHING;
  const wished = reservationBytes ?? reservationForCard(totalBytes);
  const whose =
    reservationBytes === null ? 'for a card of this size' : `reserved by ${reservedBy(source)}`;
  if (!detectsOllama)
    return { bytes: wished, reason: `${whose}; what Ollama holds is not looked at` };
  if (reservationBytes === null && !isInUse) return NOTHING;
  const bytes = Math.max(0, wished - heldBytes);
  const seen = isInUse ? ' because Ollama is in use here' : '';
  const held = heldBytes > 0 ? `, ${formatGib(heldBytes, 1)} of it held already` : '';
  return { bytes, reason: `${formatGib(wished, 1)} ${whose}${seen}${held}` };
}

const reservedBy = (source: string): string =>
  source === 'VS Code settings' ? 'vramPilot.coexistence.ollamaVramReservationMb' : source;

/** What a plan leaves to others, with the reason. */
export function coexistenceOf(
  state: Pick<AppState, 'gpu' | 'holders' | 'coexistence'>,
  settings: Settings,
): PlanSurroundings['coexistence'] {
  const worker = state.coexistence.file ?? workerSettingsOf(settings);
  const gpus = plannableGpus(state.gpu.sample?.gpus ?? []);
  const reservations = gpus.map(({ index, totalBytes }) =>
    ollamaReservation(worker, totalBytes, ollamaOnCard(state, index)),
  );
  const bytesPerGpu = reservations.map(({ bytes }) => Math.round(bytes));
  const reason = reasonOf(reservations, gpus);
  return {
    ollamaReservationBytes: Math.max(0, ...bytesPerGpu),
    safetyBufferBytes: settings['planner.headroomMiB'] * MIB,
    ...(reason === null ? {} : { ollamaReason: reason }),
    ...(new Set(bytesPerGpu).size > 1 ? { ollamaBytesPerGpu: bytesPerGpu } : {}),
  };
}

/** Named by GPU where they differ. */
function reasonOf(
  reservations: readonly Reservation[],
  gpus: readonly { readonly index: number }[],
): string | null {
  const reasons = reservations.flatMap(({ reason }, place) =>
    reason === null ? [] : [{ reason, gpu: gpus[place]?.index ?? place }],
  );
  const distinct = new Set(reasons.map(({ reason }) => reason));
  const all =
    distinct.size === 1
      ? [...distinct]
      : reasons.map((one) => `GPU ${String(one.gpu)}: ${one.reason}`);
  return all.length === 0 ? null : all.join('; ');
}
