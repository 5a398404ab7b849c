/** What other extensions and tests get from `activate`: plain data in, plain data out. */
import type { App } from '../app/app';
import type { DeployResult } from '../app/launching/deploy';
import type { AppState } from '../app/state';
import type { Result } from '../shared/failure';
import type { PlanAnswer } from '../shared/planAnswer';
import { wishSchema } from '../shared/wish';
import * as z from 'zod/mini';

export interface VramPilotApi {
  readonly version: string;
  /** As it is now, a new object after every change. Sizes in bytes; null: not known. */
  getState(): AppState;
  /** A plan request as the contracts describe it; throws with the field's name where it is invalid. */
  plan(request: unknown): Promise<PlanAnswer>;
  /**
   * A wish: `{ engine, model, options?, extraArguments?, port?, keepAlive? }`. Without `force`, problems found before the
   * launch refuse it; `pull` lets Ollama download a model that it lacks.
   */
  deploy(request: unknown, options?: { force?: boolean; pull?: boolean }): Promise<DeployResult>;
  /** Resolves when the server has ended; `force` waits for no orderly end. `notFound` for an id that is not in the list. */
  stop(id: string, options?: { force?: boolean }): Promise<Result<void>>;
  /** Milliseconds from the call of `activate` to its return, and to the first gauge. */
  readonly timings: { activateMs: number; firstGaugeMs: number | null };
}

const deployRequestSchema = z.object({
  engine: z._default(wishSchema.shape.engine, 'vllm'),
  model: z.string(),
  options: z._default(wishSchema.shape.options, {}),
  extraArguments: z._default(z.array(z.string()), []),
  port: z._default(wishSchema.shape.port, null),
  keepAlive: wishSchema.shape.keepAlive,
});

export function createApi(
  app: App,
  version: string,
  timings: VramPilotApi['timings'],
): VramPilotApi {
  return {
    version,
    timings,
    getState: () => app.store.state(),
    plan: (request) => app.planRequest(request),
    async deploy(request, options = {}) {
      const parsed = z.safeParse(deployRequestSchema, request);
      if (parsed.success)
        return app.deploy(app.completeWish(parsed.data), {
          force: options.force ?? false,
          pull: options.pull ?? false,
        });
      const issue = parsed.error.issues[0];
      const detail = `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'}`;
      return { ok: false, failure: { reason: 'invalid', detail }, problems: [] };
    },
    stop: (id, options = {}) => app.stop(id, { force: options.force ?? false }),
  };
}
