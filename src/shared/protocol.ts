/**
 * Every message between the host and the planner page. Both sides parse; what does not parse is logged and dropped.
 * To the page goes only the complete `snapshot` (a hidden page misses messages, so deltas would be lost) and `focus`.
 */
import * as z from 'zod/mini';
import { knownProfileSchema } from './knownProfile';
import { gpuRequestSchema, modelRequestSchema, runningSchema } from './planRequest';
import { wishSchema } from './wish';

/** A page of another version is asked to reload. */
export const PROTOCOL_VERSION = 1;

const known = z.nullable(z.number());

const modelChoiceSchema = z.object({
  /** What goes into `wish.model`. */
  id: z.string(),
  label: z.string(),
  detail: z.string(),
  source: z.enum(['folder', 'huggingFaceCache', 'gguf', 'ollama', 'typed']),
});

/** A launch to start in place of this one. */
const offeredLaunchSchema = z.object({
  /** How the command changes, one flag a line. */
  diff: z.array(z.string()),
  /** The arithmetic. */
  why: z.string(),
  /** Verdict and GiB of the plan, one line. */
  plan: z.string(),
});

const serverRowSchema = z.object({
  id: z.string(),
  title: z.string(),
  engine: z.enum(['vllm', 'ollama']),
  phase: z.enum(['starting', 'ready', 'stopping', 'ended', 'lost']),
  /** e.g. "loading weights 3/8", "ready · :8000", the cause of a failure. */
  detail: z.string(),
  usedBytes: known,
  /** What the plan it was launched with expected on all GPUs together; null where that is not known. */
  plannedBytes: z.optional(known),
  /** It failed or crashed; nobody wanted its end. */
  failed: z.optional(z.boolean()),
  /** Of one that failed, once that has been looked at. */
  failure: z.optional(
    z.nullable(
      z.object({
        cause: z.nullable(z.string()),
        culprits: z.array(z.string()),
        correction: z.nullable(offeredLaunchSchema),
        /** Why there is no corrected launch. */
        reason: z.nullable(z.string()),
      }),
    ),
  ),
  /** Of one that runs with settings which a failure made small. */
  stepUp: z.optional(z.nullable(offeredLaunchSchema)),
  /** Part of its K/V pool that holds something now, 0 to 1. */
  kvUse: z.optional(known),
  /** What of its K/V pool could be given back, in words; null: nothing worth a restart. */
  pool: z.optional(z.nullable(z.string())),
});

export const snapshotSchema = z.object({
  type: z.literal('snapshot'),
  protocolVersion: z.number(),
  /** True when figures come from the simulated GPU; the page says so. */
  simulated: z.boolean(),
  trusted: z.boolean(),
  /** null: no sample yet. */
  sampleAgeMs: known,
  gpus: z.array(z.extend(gpuRequestSchema, { index: z.number(), usedBytes: known })),
  /** Largest first. */
  holders: z.array(
    z.object({ pid: z.number(), label: z.string(), usedBytes: known, gpus: z.array(z.number()) }),
  ),
  problems: z.array(z.string()),
  models: z.array(modelChoiceSchema),
  /** Facts of the model named in `wish.model`; null while they are being read or nothing is chosen. */
  model: z.nullable(
    z.object({
      id: z.string(),
      facts: modelRequestSchema,
      /** The model's own longest context in tokens. */
      longestContext: known,
      problem: z.nullable(z.string()),
      /** What the user should know about the reading, one sentence each. */
      notes: z.optional(z.array(z.string())),
    }),
  ),
  engines: z.object({
    vllm: z.object({ found: z.boolean(), version: z.nullable(z.string()) }),
    ollama: z.object({ found: z.boolean(), version: z.nullable(z.string()) }),
  }),
  /** Where and how Deploy would run the command, so that the preview is exact. */
  launch: z.object({
    vllmFile: z.string(),
    ollamaFile: z.string(),
    host: z.string(),
    /** Free now; vLLM takes it unless the wish fixes one. */
    port: z.number(),
    /** Where Ollama's daemon answers, or is started if it does not: from the settings, for every wish. */
    ollamaPort: z.number(),
    /** From the settings; they come before the wish's own. */
    extraArguments: z.array(z.string()),
    environment: z.record(z.string(), z.string()),
  }),
  servers: z.array(serverRowSchema),
  defaults: z.object({ utilization: z.number(), headroomBytes: z.number() }),
  coexistence: z.object({
    ollamaReservationBytes: z.number(),
    safetyBufferBytes: z.number(),
    ollamaBytesPerGpu: z.optional(z.array(z.number())),
    ollamaReason: z.optional(z.string()),
  }),
  learned: z.array(z.record(z.string(), z.unknown())),
  /** The user's own known results. */
  knownProfiles: z.optional(z.array(knownProfileSchema)),
  /** What holds GPU memory, for "what must stop". */
  running: z.optional(z.array(runningSchema)),
  /** The host's idea of the wish: sent when it changed there (a profile was opened, a model was picked). */
  wish: wishSchema,
  /** Grows with each change of `wish` on the host; the page takes the wish over only when it grew. */
  wishRevision: z.number(),
});

export const toPageSchema = z.discriminatedUnion('type', [
  snapshotSchema,
  z.object({ type: z.literal('focus'), target: z.enum(['model', 'utilization', 'deploy']) }),
]);

const openTargets = [
  'chooseModel',
  'copyCommand',
  'copyCurl',
  'copyEndpoint',
  'explain',
  'getEngine',
  'gpuReport',
  'hubSetting',
  'removeServer',
  'report',
  'saveProfile',
  'sendTestPrompt',
  'terminal',
  'trust',
  'cleanUp',
] as const;

export const fromPageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), protocolVersion: z.number() }),
  /** The user's rest position, debounced; not every step of a drag. */
  z.object({ type: z.literal('wish'), wish: wishSchema }),
  z.object({ type: z.literal('launch'), wish: wishSchema, force: z.boolean() }),
  z.object({ type: z.literal('stop'), serverId: z.string() }),
  /** Starts what the row of this server offers: its corrected launch. */
  z.object({ type: z.literal('launchCorrected'), serverId: z.string() }),
  /** The same for one step up of a server that runs. */
  z.object({ type: z.literal('stepUp'), serverId: z.string() }),
  z.object({
    type: z.literal('open'),
    target: z.enum(openTargets),
    serverId: z.optional(z.string()),
  }),
  z.object({ type: z.literal('problem'), text: z.string() }),
]);

export type Snapshot = z.infer<typeof snapshotSchema>;
export type ModelChoice = z.infer<typeof modelChoiceSchema>;
export type OfferedLaunchRow = z.infer<typeof offeredLaunchSchema>;
export type ServerRow = z.infer<typeof serverRowSchema>;
export type ToPage = z.infer<typeof toPageSchema>;
export type FromPage = z.infer<typeof fromPageSchema>;
