/** Settings of the worker plan: defaults, presets, sizes of Ollama's model, the shared JSON file, and which applies. */
import * as z from 'zod/mini';
import { parseJson } from '../shared/json';
import { fail, ok, type Result } from '../shared/failure';
import { GIB, MIB } from '../shared/units';

export interface WorkerSettings {
  /** null: by the size of the card. */
  readonly reservationBytes: number | null;
  readonly maxWorkersPerGib: number;
  readonly minimumBytesPerWorker: number;
  readonly bufferBytes: number;
  readonly detectsOllama: boolean;
  readonly fallsBackToCpu: boolean;
  /** Most workers, whatever the memory says; null: 2. */
  readonly maxWorkers: number | null;
  /** Where these come from, in words: `performance_config.json`, `preset aggressive`, `defaults`. */
  readonly source: string;
}

export const DEFAULT_WORKER_SETTINGS: WorkerSettings = {
  reservationBytes: null,
  maxWorkersPerGib: 0.25,
  minimumBytesPerWorker: 3 * GIB,
  bufferBytes: 1024 * MIB,
  detectsOllama: true,
  fallsBackToCpu: true,
  maxWorkers: null,
  source: 'defaults',
};

/** Reservation, workers per GiB and least memory of each; everything else stays as it is set. */
export const WORKER_PRESETS = {
  conservative: preset(12288, 0.25, 3),
  aggressive: preset(11264, 0.33, 2.5),
  'ultra-conservative': preset(14336, 0.2, 4),
} as const satisfies Readonly<Record<string, Partial<WorkerSettings>>>;

export type WorkerPreset = keyof typeof WORKER_PRESETS;

function preset(reservationMib: number, maxWorkersPerGib: number, minimumGib: number) {
  return {
    reservationBytes: reservationMib * MIB,
    maxWorkersPerGib,
    minimumBytesPerWorker: minimumGib * GIB,
  };
}

/** The buffer, the cap and the CPU fallback stay as they were set. */
export function withPreset(base: WorkerSettings, name: WorkerPreset): WorkerSettings {
  return { ...base, ...WORKER_PRESETS[name], source: `preset ${name}` };
}

/** What a model of that size takes in Ollama, by its parameters in 10⁹. */
const RESERVATION_BY_MODEL: readonly {
  readonly fromBillions: number;
  readonly reservationMib: number;
}[] = [
  { fromBillions: 30, reservationMib: 18432 },
  { fromBillions: 10, reservationMib: 12288 },
  { fromBillions: 0, reservationMib: 8192 },
];

/** 7B: 8 GiB, 14B: 12 GiB, 34B and more: 18 GiB. */
export function reservationForModel(billions: number): number {
  const row = RESERVATION_BY_MODEL.find(({ fromBillions }) => billions >= fromBillions);
  return (row?.reservationMib ?? 12288) * MIB;
}

/** Sizes of Ollama's model, in 10⁹ parameters, that people choose from. */
export const OLLAMA_MODEL_SIZES = [7, 14, 34] as const;

/** Keeps what a model of so many 10⁹ parameters takes in Ollama. */
export function forOllamaModel(base: WorkerSettings, billions: number): WorkerSettings {
  const source = `${base.source}, reservation for a ${String(billions)}B model`;
  return { ...base, reservationBytes: reservationForModel(billions), source };
}

/** Name of the file looked for in the workspace root. */
export const WORKER_CONFIG_FILE = 'performance_config.json';

const amount = (least: number) =>
  z.optional(z.nullable(z.number().check(least > 0 ? z.gt(0) : z.gte(0))));
const flag = z.optional(z.nullable(z.boolean()));

/** `_mb` is MiB, `_gb` GiB. Other keys in the section, and other sections, belong to others. */
const fileSchema = z.object({
  gpu_resource_management: z.object({
    ollama_vram_reservation_mb: amount(0),
    max_workers_per_gb: amount(1),
    min_vram_per_worker_gb: amount(1),
    enable_ollama_detection: flag,
    fallback_to_cpu_when_constrained: flag,
    safety_buffer_mb: amount(0),
    max_workers: z.optional(z.nullable(z.int().check(z.gte(1)))),
  }),
});

/**
 * Reads the JSON text of such a file; what it leaves out comes from `base`.
 * @returns `invalid` with the field, what was found and what is allowed, in one line
 */
export function readWorkerConfig(
  text: string,
  base: WorkerSettings,
  source: string,
): Result<WorkerSettings> {
  const document = parseJson(text);
  if (document === undefined) return fail('invalid', `${source} is not JSON`);
  const parsed = z.safeParse(fileSchema, document);
  if (!parsed.success) return fail('invalid', `${source}: ${describe(parsed.error, document)}`);
  const file = parsed.data.gpu_resource_management;
  return ok({
    reservationBytes: scaled(file.ollama_vram_reservation_mb, MIB) ?? base.reservationBytes,
    maxWorkersPerGib: file.max_workers_per_gb ?? base.maxWorkersPerGib,
    minimumBytesPerWorker: scaled(file.min_vram_per_worker_gb, GIB) ?? base.minimumBytesPerWorker,
    bufferBytes: scaled(file.safety_buffer_mb, MIB) ?? base.bufferBytes,
    detectsOllama: file.enable_ollama_detection ?? base.detectsOllama,
    fallsBackToCpu: file.fallback_to_cpu_when_constrained ?? base.fallsBackToCpu,
    maxWorkers: file.max_workers ?? base.maxWorkers,
    source,
  });
}

/** A file of that name may hold the settings of other programs only. False for one that is not JSON: it may be meant for us. */
export function isAboutOthers(text: string): boolean {
  const document = parseJson(text);
  return (
    typeof document === 'object' && document !== null && !('gpu_resource_management' in document)
  );
}

const scaled = (value: number | null | undefined, unit: number): number | null =>
  value == null ? null : Math.round(value * unit);

function describe(error: z.core.$ZodError, document: unknown): string {
  const issue = error.issues[0];
  const path = (issue?.path ?? []).map(String);
  let found: unknown = document;
  for (const key of path) found = (found as Record<string, unknown> | null | undefined)?.[key];
  const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
  const allowed =
    issue?.code === 'invalid_type'
      ? `expected ${issue.expected}`
      : issue?.code === 'too_small'
        ? `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}`
        : 'not allowed here';
  return `${path.join('.') || 'the document'}: found ${shown}, ${allowed}`;
}
