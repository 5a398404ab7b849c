/** What somebody saw of a model on a card: which settings worked, or that none did. */
import * as z from 'zod/mini';

export const knownProfileSchema = z.object({
  /** Part of the model's name, compared without case, blanks, dots and dashes. */
  model: z.string().check(z.minLength(2)),
  /** Size of the card it was seen on, in GiB as the card's name says. */
  cardGib: z.number().check(z.gt(0)),
  /** Weights in GB. */
  weightsGb: z.number().check(z.gt(0)),
  /** Memory seen in use in GB, which is not the least it needs; null: not seen. */
  inUseGb: z._default(z.nullable(z.number().check(z.gt(0))), null),
  result: z.enum(['works', 'untested', 'tooLarge', 'incompatible']),
  options: z._default(
    z.object({
      gpuMemoryUtilization: z.optional(z.number()),
      maxModelLen: z.optional(z.number()),
      enforceEager: z.optional(z.boolean()),
    }),
    {},
  ),
  note: z._default(z.nullable(z.string()), null),
});

export type KnownProfile = z.infer<typeof knownProfileSchema>;
