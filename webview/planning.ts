/** The one place where the page asks the planner, as the host does before it launches. */
import { plan } from '../src/planner/plan';
import { withArguments } from '../src/engines/vllm/argumentOptions';
import { vllmCommand } from '../src/engines/vllm/command';
import {
  keepAliveEnvironment,
  loadRequest,
  ollamaCommand,
  type ApiRequest,
} from '../src/engines/ollama/command';
import { requestForWish, type Wish } from '../src/shared/wish';
import type { Snapshot } from '../src/shared/protocol';
import type { Command, Plan } from '../src/shared/planAnswer';
import type { ModelRequest, PlanRequest } from '../src/shared/planRequest';
import type { Pin } from './state';

/** A wish with its price. */
export interface Priced {
  /** As it was planned: with the options that stand in the extra arguments. */
  readonly request: PlanRequest;
  readonly plan: Plan;
  readonly command: Command;
  /** Ollama: what is sent to the daemon once it runs. */
  readonly load: ApiRequest | null;
}

/** Facts of another model than the wished one are never used: until its own arrive, the name has to do. */
export function factsFor(wish: Wish, snapshot: Snapshot): ModelRequest {
  return snapshot.model?.id === wish.model ? snapshot.model.facts : { name: wish.model };
}

/** vLLM's arguments that no control stands for: the settings' come before the wish's own. */
function argumentsOf(wish: Wish, { launch }: Pick<Snapshot, 'launch'>): readonly string[] {
  return wish.engine === 'vllm'
    ? [...launch.extraArguments, ...wish.extraArguments]
    : wish.extraArguments;
}

export function priceWish(wish: Wish, snapshot: Snapshot): Priced {
  const { launch } = snapshot;
  const wished = requestForWish(wish, {
    engineVersion: snapshot.engines[wish.engine].version,
    model: factsFor(wish, snapshot),
    gpus: snapshot.gpus,
    coexistence: snapshot.coexistence,
    learned: snapshot.learned,
    running: snapshot.running ?? [],
    knownProfiles: snapshot.knownProfiles ?? [],
  });
  const extraArguments = argumentsOf(wish, snapshot);
  const request = withArguments(wished, extraArguments);
  const answer = plan(request);
  const isVllm = wish.engine === 'vllm';
  const commandOf = isVllm ? vllmCommand : ollamaCommand;
  const command = commandOf(request, answer, {
    file: isVllm ? launch.vllmFile : launch.ollamaFile,
    host: launch.host,
    // Ollama's daemon has its own port, which clients expect; vLLM takes the wished one or one that is free.
    port: isVllm ? (wish.port ?? launch.port) : launch.ollamaPort,
    servedModelName: null,
    extraArguments: [...extraArguments],
    environment: isVllm ? launch.environment : keepAliveEnvironment(wish.keepAlive),
  });
  const load = isVllm ? null : loadRequest(wish.model, wish.options, wish.keepAlive);
  return { request, plan: answer, command, load };
}

/** A kept wish at today's prices; of its model what was known when it was kept, unless that is the chosen one still. */
export function pricePin({ wish, facts, learned }: Pin, snapshot: Snapshot): Priced {
  const told = snapshot.wish;
  if (told.model === wish.model && told.engine === wish.engine) return priceWish(wish, snapshot);
  const model = facts && { id: wish.model, facts, longestContext: null, problem: null };
  return priceWish(wish, { ...snapshot, model: model ?? snapshot.model, learned });
}
