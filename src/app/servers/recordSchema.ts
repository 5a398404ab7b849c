/** The part of a launch file that says which processes it is, alone: the CLI reads no more of it. */
import * as z from 'zod/mini';

export const identitySchema = z.object({
  pid: z.number(),
  startTime: z.string(),
  bootId: z.string(),
});

export const recordSchema = z.object({
  launchId: z.string(),
  engine: z.enum(['vllm', 'ollama']),
  main: identitySchema,
  pgid: z.nullable(z.number()),
  sid: z.nullable(z.number()),
  port: z.number(),
  seen: z._default(z.array(identitySchema), []),
});
