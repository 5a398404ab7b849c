/** Outcomes of earlier starts, as far as they are of this model, card and version (product.md 5). */
import * as z from 'zod/mini';
import { planOptionsSchema, type PlanOptions, type PlanRequest } from '../../shared/planRequest';
import { parseVllmVersion } from './versions';

const known = z.optional(z.nullable(z.number()));
const outcomeSchema = z.object({
  engine: z.literal('vllm'),
  engineVersion: z.optional(z.nullable(z.string())),
  model: z.nullable(z.string()),
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

/** Newest last. Records of another engine, and those that can't be read, are passed over. */
export function outcomesHere(request: PlanRequest, version: string): LearnedOutcome[] {
  const model = request.model.name ?? request.model.path ?? null;
  if (model === null) return [];
  const gpuName = request.gpus[0]?.name ?? null;
  // Of the many records only this model's are worth parsing.
  return (request.learned ?? [])
    .filter((record) => record.engine === 'vllm' && record.model === model)
    .map((record) => outcomeSchema.safeParse(record))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []))
    .filter((outcome) => isHere(outcome, gpuName, version));
}

/** Memory rules change between minor versions, so only the same minor counts; what is not told is taken as the same. */
function isHere(outcome: LearnedOutcome, gpuName: string | null, version: string): boolean {
  if (outcome.gpuName != null && gpuName !== null && outcome.gpuName !== gpuName) return false;
  if (outcome.engineVersion == null) return true;
  const [then, now] = [parseVllmVersion(outcome.engineVersion), parseVllmVersion(version)];
  return then === null || now === null || (then[0] === now[0] && then[1] === now[1]);
}

/** Same settings, whatever the order of keys; `null`, absent and the neutral value are one. */
export function sameOptions(a: PlanOptions, b: PlanOptions): boolean {
  const [left, right]: Readonly<Record<string, unknown>>[] = [a, b];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(left?.[key], right?.[key]));
}

function same(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) =>
    value === null || value === undefined || value === 'auto' || value === false ? 'auto' : value;
  const [left, right] = [plain(a), plain(b)];
  // One GPU is what absent means.
  if ((left === 1 && right === 'auto') || (left === 'auto' && right === 1)) return true;
  return JSON.stringify(left) === JSON.stringify(right);
}
