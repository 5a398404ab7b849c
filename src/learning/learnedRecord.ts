/**
 * This room turns what starts of servers showed into something later plans can use, and says it in words. A record is
 * one start: under which conditions, what the plan expected, what was measured or how it failed. A success is exact,
 * a failure one-sided: it needs more than there was. No paths, prompts, keys or environment are in it.
 */
import * as z from 'zod/mini';
import type { Outcome } from '../engines/diagnose';
import { planOptionsSchema } from '../shared/planRequest';

const known = z._default(z.nullable(z.number().check(z.gte(0))), null);

const modelIdentitySchema = z.object({
  /** A Hub name, an Ollama tag, or the last part of a path. */
  name: z.string(),
  /** Of its configuration; tells models of one name apart. null: it could not be read. */
  fingerprint: z._default(z.nullable(z.string()), null),
});

/** What the plan of a launch expected, per GPU as in a plan's answer; `null` where it could not know. */
const predictionSchema = z.object({
  verdict: z.enum(['fits', 'tight', 'doesNotFit', 'unknown']),
  basis: z.string(),
  budgetBytes: known,
  weightsBytes: known,
  nonTorchBytes: known,
  activationBytes: known,
  graphBytes: known,
  kvCacheBytes: known,
  kvCacheTokens: known,
});

/** What a launch knows of itself before anything is measured; kept in its record until it is ready or has failed. */
export const launchConditionsSchema = z.object({
  model: modelIdentitySchema,
  gpu: z.nullable(
    z.object({
      name: z.nullable(z.string()),
      totalBytes: z.number(),
      /** Free when it was launched. */
      freeBytes: known,
    }),
  ),
  /** As they take effect: of the wish, the extra arguments and, under auto, the share that was chosen. */
  options: planOptionsSchema,
  /** Names of further flags that may change memory; never their values. */
  otherFlags: z.array(z.string()),
  prediction: z.nullable(predictionSchema),
});

export const outcomeSchema = z.object({
  engine: z.enum(['vllm', 'ollama']),
  engineVersion: z.nullable(z.string()),
  model: z.nullable(z.string()),
  gpuName: z.nullable(z.string()),
  options: planOptionsSchema,
  result: z.enum(['ready', 'degraded', 'failed', 'stopped', 'running']),
  causeId: z.nullable(z.string()),
  facts: z.object({
    weightsBytes: known,
    activationBytes: known,
    nonTorchBytes: known,
    graphBytes: known,
    kvCacheBytes: known,
    kvCacheTokens: known,
    maxConcurrency: known,
    loadSeconds: known,
    freeBytesAtStart: known,
    wantedBytes: known,
  }),
}) satisfies z.ZodMiniType<Outcome>;

/** Fields that newer versions add carry defaults, so that older records load. */
export const learnedRecordSchema = z.object({
  /** As `diagnose` prints it; `model` is the identity's name. */
  outcome: outcomeSchema,
  fingerprint: z._default(z.nullable(z.string()), null),
  gpuTotalBytes: known,
  otherFlags: z._default(z.array(z.string()), []),
  prediction: z._default(z.nullable(predictionSchema), null),
  /** When it was learned, milliseconds since 1970. */
  atMs: z.number().check(z.gte(0)),
  /** On the simulated GPU: never used for a real one. */
  simulated: z._default(z.boolean(), false),
});

export type ModelIdentity = z.infer<typeof modelIdentitySchema>;
export type Prediction = z.infer<typeof predictionSchema>;
export type LaunchConditions = z.infer<typeof launchConditionsSchema>;
export type LearnedRecord = z.infer<typeof learnedRecordSchema>;
