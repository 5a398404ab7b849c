/**
 * How many GPU workers (test runners, notebooks, anything of the user's) fit beside Ollama, so that it stays on the GPU:
 * a reservation for it even where it can't be seen, a buffer, and a minimum per worker; else the CPU, else a refusal.
 */
import { formatGib, GIB, MIB } from '../shared/units';
import type { WorkerSettings } from './workerSettings';

export interface WorkersInput {
  readonly totalBytes: number;
  /** null: not known; the whole card counts as free, and the steps say so. */
  readonly freeBytes: number | null;
  readonly settings: WorkerSettings;
  /** What a visible Ollama holds already. It is missing from `freeBytes`, so it comes off the reservation. */
  readonly ollamaHeldBytes?: number | null;
}

export interface WorkersPlan {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What is kept free for Ollama beyond what it holds already. */
  readonly reservationBytes: number;
  readonly bufferBytes: number;
  readonly usableBytes: number;
  /** 0: refused. */
  readonly workers: number;
  /** GPU memory of each worker; 0 on the CPU, null where refused. */
  readonly bytesPerWorker: number | null;
  readonly device: 'cuda' | 'cpu' | null;
  /** Where the settings come from. */
  readonly source: string;
  readonly steps: readonly string[];
}

/** Below this size of card one worker is all that fits beside Ollama. */
const SINGLE_WORKER_BELOW_BYTES = 14 * GIB;

/**
 * Reservation by size of card, where the user set none. A card reports less than its name says (24 GB: 23.5 GiB), hence
 * the bounds in between.
 */
const RESERVATION_BY_CARD: readonly {
  readonly fromBytes: number;
  readonly reservationBytes: number;
}[] = [
  { fromBytes: 20 * GIB, reservationBytes: 12 * GIB },
  { fromBytes: SINGLE_WORKER_BELOW_BYTES, reservationBytes: 10 * GIB },
  { fromBytes: 0, reservationBytes: 8 * GIB },
];

/** 12 GiB from 20 GiB on, 10 GiB for a 16 GB card, 8 GiB below. */
export function reservationForCard(totalBytes: number): number {
  const row = RESERVATION_BY_CARD.find(({ fromBytes }) => totalBytes >= fromBytes);
  return row?.reservationBytes ?? 12 * GIB;
}

/** Pure arithmetic; never throws. Sizes that can't be (negative) count as 0. */
export function planWorkers(input: WorkersInput): WorkersPlan {
  const { settings } = input;
  const totalBytes = Math.max(0, input.totalBytes);
  const freeBytes = Math.min(Math.max(0, input.freeBytes ?? totalBytes), totalBytes);
  const wished = settings.reservationBytes ?? reservationForCard(totalBytes);
  const held = Math.max(0, input.ollamaHeldBytes ?? 0);
  const reservationBytes = Math.max(0, wished - held);
  const { bufferBytes } = settings;
  const left = freeBytes - reservationBytes - bufferBytes;
  const usableBytes = Math.max(0, left);
  const cap = Math.min(
    settings.maxWorkers ?? 2,
    totalBytes < SINGLE_WORKER_BELOW_BYTES ? 1 : Infinity,
  );
  const workers = workersThatFit(usableBytes, cap, settings);
  const { source } = settings;
  const facts = { totalBytes, freeBytes, reservationBytes, bufferBytes, usableBytes, source };
  const steps = analysis(input, facts, { wished, held, left });
  if (workers > 0) return onGpu(facts, workers, held, steps);
  steps.push(
    `GPU workers disabled: insufficient VRAM per worker (${formatGib(usableBytes, 1)} usable, ${formatGib(settings.minimumBytesPerWorker, 1)} needed).`,
  );
  if (settings.fallsBackToCpu) {
    steps.push('1 worker on the CPU, which is slower but leaves the GPU to Ollama.');
    return { ...facts, workers: 1, bytesPerWorker: 0, device: 'cpu', steps };
  }
  steps.push(
    'Refused: running on the CPU is switched off (fallbackToCpuWhenConstrained, fallback_to_cpu_when_constrained in the file).',
  );
  return { ...facts, workers: 0, bytesPerWorker: null, device: null, steps };
}

function workersThatFit(usableBytes: number, cap: number, settings: WorkerSettings): number {
  // A tiny allowance: 3.0 GiB × 0.33 must not lose a worker to binary fractions.
  const byMemory = Math.floor((usableBytes / GIB) * settings.maxWorkersPerGib + 1e-9);
  let workers = Math.max(1, Math.min(byMemory, cap));
  while (workers > 0 && usableBytes / workers < settings.minimumBytesPerWorker) workers--;
  return workers;
}

type Facts = Pick<
  WorkersPlan,
  'totalBytes' | 'freeBytes' | 'reservationBytes' | 'bufferBytes' | 'usableBytes' | 'source'
>;

function analysis(
  input: WorkersInput,
  facts: Facts,
  { wished, held, left }: { wished: number; held: number; left: number },
): string[] {
  const { settings } = input;
  const steps = [
    `Total ${formatGib(facts.totalBytes, 1)}, available ${formatGib(facts.freeBytes, 1)}` +
      (input.freeBytes === null ? ' (free memory is not known: the whole card is taken).' : '.'),
    settings.reservationBytes === null
      ? `Reservation for Ollama: ${formatGib(wished, 1)}, by the size of the card.`
      : `Reservation for Ollama: ${formatGib(wished, 1)}.`,
  ];
  if (held > 0)
    steps.push(
      `Ollama holds ${formatGib(held, 1)} already, so ${formatGib(facts.reservationBytes, 1)} is still kept for it.`,
    );
  steps.push(
    `Usable: ${formatGib(facts.freeBytes, 1)} − ${formatGib(facts.reservationBytes, 1)} − ` +
      `${formatGib(facts.bufferBytes, 1)} buffer = ${formatGib(left, 1)}.`,
  );
  return steps;
}

function onGpu(facts: Facts, workers: number, held: number, steps: string[]): WorkersPlan {
  const bytesPerWorker = Math.floor(facts.usableBytes / workers);
  const used = bytesPerWorker * workers;
  const retained = facts.reservationBytes + held;
  const others = facts.totalBytes - facts.freeBytes - held;
  steps.push(
    `GPU workers enabled: ${String(workers)} worker${workers === 1 ? '' : 's'} × ${gb(bytesPerWorker)} GB = ${gb(used)} GB total.`,
    `Ollama should retain ${gb(retained)} GB.`,
    `With it ${((100 * (used + retained)) / facts.totalBytes).toFixed(1)} % of the card are in use` +
      (others > MIB ? `, beside ${formatGib(others, 1)} that others hold now.` : '.'),
  );
  return { ...facts, workers, bytesPerWorker, device: 'cuda', steps };
}

/** As people write it: 4.5 GB of a 24 GB card; binary, like the card's own name. */
const gb = (bytes: number): string => (bytes / GIB).toFixed(1);

/** What a plan hands to programs in terminals. */
export type WorkerEnvironment = Readonly<
  Record<'VRAM_PILOT_WORKERS' | 'VRAM_PILOT_MIB_PER_WORKER' | 'VRAM_PILOT_DEVICE', string>
>;

export const WORKER_VARIABLES: readonly (keyof WorkerEnvironment)[] = [
  'VRAM_PILOT_WORKERS',
  'VRAM_PILOT_MIB_PER_WORKER',
  'VRAM_PILOT_DEVICE',
];

/**
 * @param gpuIndex of a card beside others; null: the only one
 * @returns null where the plan refuses: there is nothing to start workers with
 */
export function workerEnvironment(
  { workers, bytesPerWorker, device }: WorkersPlan,
  gpuIndex: number | null = null,
): WorkerEnvironment | null {
  if (device === null) return null;
  const isOneOfMany = device === 'cuda' && gpuIndex !== null;
  return {
    VRAM_PILOT_WORKERS: String(workers),
    VRAM_PILOT_MIB_PER_WORKER: String(Math.floor((bytesPerWorker ?? 0) / MIB)),
    VRAM_PILOT_DEVICE: isOneOfMany ? `cuda:${String(gpuIndex)}` : device,
  };
}

/** What to look at when it does not go as planned, with what may be wrong first. */
export const WORKER_HINTS: readonly string[] = [
  'Ollama still on the CPU: set a larger reservation.',
  '  Does it run at all, and who else holds memory?',
  'Workers too slow: did they fall to the CPU?',
  '  With Ollama off, a smaller reservation gives them the GPU.',
  'Workers take too much: fewer workers per GB, or a higher minimum per worker.',
  '  Look for leaks, too.',
];
