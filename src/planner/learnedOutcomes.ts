/** Outcomes of earlier starts, as far as they are of the model, card and version that are planned for (product.md 5). */
import * as z from 'zod/mini';
import { planOptionsSchema, type PlanRequest } from '../shared/planRequest';

/** Bytes. A figure that cannot be is as good as not told; the rest of its record still counts. */
const known = z.catch(z.optional(z.nullable(z.number().check(z.gte(0)))), null);

const outcomeSchema = z.object({
  engineVersion: z.optional(z.nullable(z.string())),
  gpuName: z.optional(z.nullable(z.string())),
  // Keys of a newer version are passed over.
  options: z._default(z.object(planOptionsSchema.shape), {}),
  result: z.string(),
  causeId: z.optional(z.nullable(z.string())),
  facts: z.optional(
    z.nullable(
      z.object({
        weightsBytes: known,
        activationBytes: known,
        nonTorchBytes: known,
        graphBytes: known,
        kvCacheBytes: known,
        freeBytesAtStart: known,
        wantedBytes: known,
      }),
    ),
  ),
});

export type LearnedOutcome = z.infer<typeof outcomeSchema>;

type Version = readonly number[] | null;

/**
 * Newest last. Records of another engine, model, card or minor version, and those that can't be read, are passed over:
 * memory rules change between minor versions. What a record or the request does not tell is taken as the same.
 * @param parseVersion of the engine; null: it says nothing
 */
export function learnedOutcomes(
  request: PlanRequest,
  version: string | null | undefined,
  parseVersion: (text: string) => Version,
): LearnedOutcome[] {
  const model = request.model.name ?? request.model.path ?? null;
  if (model === null) return [];
  const gpuName = request.gpus[0]?.name ?? null;
  const now = parseVersion(version ?? '');
  // Of the many records only this model's are worth parsing.
  return (request.learned ?? [])
    .filter((record) => record.engine === request.engine && record.model === model)
    .map((record) => z.safeParse(outcomeSchema, record))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []))
    .filter(
      (outcome) =>
        (outcome.gpuName == null || gpuName === null || outcome.gpuName === gpuName) &&
        isSameMinor(parseVersion(outcome.engineVersion ?? ''), now),
    );
}

const isSameMinor = (then: Version, now: Version): boolean =>
  then === null || now === null || (then[0] === now[0] && then[1] === now[1]);
