/** What the user arranged: one engine, one model, its options. The page keeps it, a profile stores it, a launch runs it. */
import * as z from 'zod/mini';
import type { KnownProfile } from './knownProfile';
import {
  planOptionsSchema,
  type GpuRequest,
  type ModelRequest,
  type PlanRequest,
  type RunningServer,
} from './planRequest';

export const wishSchema = z.object({
  engine: z.enum(['vllm', 'ollama']),
  /** A folder, a .gguf file, a Hugging Face name or an Ollama tag; empty: nothing chosen yet. */
  model: z.string(),
  options: planOptionsSchema,
  extraArguments: z.array(z.string()),
  /** null: any free port. */
  port: z.nullable(z.int().check(z.gte(1), z.lte(65535))),
  /** Seconds that Ollama keeps an idle model loaded; null or absent: for ever. */
  keepAlive: z.optional(z.nullable(z.int().check(z.gte(1)))),
});

export type Wish = z.infer<typeof wishSchema>;

/** What a plan leaves to others. */
export interface Coexistence {
  /** On the GPU that keeps most. */
  readonly ollamaReservationBytes: number;
  readonly safetyBufferBytes: number;
  /** What is kept on each GPU, by place; absent: the same on each. */
  readonly ollamaBytesPerGpu?: number[] | undefined;
  /** Why that much is kept. */
  readonly ollamaReason?: string | undefined;
}

/** What the machine adds to a wish before it can be planned. */
export interface PlanSurroundings {
  readonly engineVersion: string | null;
  readonly model: ModelRequest;
  readonly gpus: readonly GpuRequest[];
  readonly coexistence: Coexistence;
  readonly learned: readonly Record<string, unknown>[];
  readonly running?: readonly RunningServer[];
  /** The user's own. */
  readonly knownProfiles?: readonly KnownProfile[];
}

/** The one way from a wish to a plan request, used by the page on every frame and by the host before it launches. */
export function requestForWish(wish: Wish, around: PlanSurroundings): PlanRequest {
  return {
    engine: wish.engine,
    engineVersion: around.engineVersion,
    model: around.model,
    gpus: [...around.gpus],
    options: wish.options,
    coexistence: around.coexistence,
    learned: [...around.learned],
    running: [...(around.running ?? [])],
    knownProfiles: [...(around.knownProfiles ?? [])],
  };
}
