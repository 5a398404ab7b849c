/** The one place where the page asks the planner, as the host does before it launches. */
import { plan } from '../src/planner/plan';
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

/** A wish with its price. */
export interface Priced {
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

export function priceWish(wish: Wish, snapshot: Snapshot): Priced {
  const request = requestForWish(wish, {
    engineVersion: snapshot.engines[wish.engine].version,
    model: factsFor(wish, snapshot),
    gpus: snapshot.gpus.map(({ name, totalBytes, freeBytes, memory }) => ({
      name,
      totalBytes,
      freeBytes,
      memory,
    })),
    coexistence: snapshot.coexistence,
    learned: snapshot.learned,
    running: snapshot.running ?? [],
  });
  const answer = plan(request);
  const isVllm = wish.engine === 'vllm';
  const commandOf = isVllm ? vllmCommand : ollamaCommand;
  const command = commandOf(request, answer, {
    file: isVllm ? snapshot.launch.vllmFile : snapshot.launch.ollamaFile,
    host: snapshot.launch.host,
    // Ollama's daemon has its own port, which clients expect; vLLM takes the wished one or one that is free.
    port: isVllm ? (wish.port ?? snapshot.launch.port) : snapshot.launch.ollamaPort,
    servedModelName: null,
    extraArguments: isVllm
      ? [...snapshot.launch.extraArguments, ...wish.extraArguments]
      : wish.extraArguments,
    environment: isVllm ? snapshot.launch.environment : keepAliveEnvironment(wish.keepAlive),
  });
  const load = isVllm ? null : loadRequest(wish.model, wish.options, wish.keepAlive);
  return { request, plan: answer, command, load };
}
