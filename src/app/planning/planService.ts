/** From a wish and the state of the machine to a plan with its command: the host's word, which wins over the page's. */
import { keepAliveEnvironment, ollamaCommand } from '../../engines/ollama/command';
import { withArguments } from '../../engines/vllm/argumentOptions';
import { vllmCommand } from '../../engines/vllm/command';
import type { CommandSettings } from '../../engines/engine';
import { plan } from '../../planner/plan';
import type { PlanAnswer } from '../../shared/planAnswer';
import type { ModelRequest, PlanRequest } from '../../shared/planRequest';
import { requestForWish, type PlanSurroundings, type Wish } from '../../shared/wish';
import { coexistenceOf } from '../coexistence/coexistence';
import { learnedFor } from './learnedFor';
import { plannableGpus } from './plannableGpus';
import { runningOf } from './running';
import type { Settings } from '../settings';
import type { AppState } from '../state';

export function surroundingsOf(
  state: AppState,
  settings: Settings,
  wish: Wish,
  model: ModelRequest,
): PlanSurroundings {
  const gpus = plannableGpus(state.gpu.sample?.gpus ?? []);
  return {
    engineVersion: state.engines[wish.engine].version,
    model,
    gpus,
    coexistence: coexistenceOf(state, settings),
    learned: learnedFor(state, settings, { ...wish, facts: model, gpu: gpus[0] }),
    running: runningOf(state, settings),
    knownProfiles: state.known.profiles,
  };
}

/** Plan and command both take the options that stand in the extra arguments. */
export function answerRequest(wished: PlanRequest, command: CommandSettings): PlanAnswer {
  const request = withArguments(wished, command.extraArguments);
  const answer = plan(request);
  const build = request.engine === 'vllm' ? vllmCommand : ollamaCommand;
  return { ...answer, command: build(request, answer, command) };
}

/** Where and how a wish would run. `port`: chosen by the caller, who knows what is free. */
export function commandSettingsFor(
  state: AppState,
  settings: Settings,
  wish: Wish,
  port: number,
): CommandSettings {
  const isVllm = wish.engine === 'vllm';
  return {
    file: state.engines[wish.engine].file ?? wish.engine,
    host: '127.0.0.1',
    port,
    servedModelName: null,
    extraArguments: isVllm
      ? [...settings['vllm.extraArguments'], ...wish.extraArguments]
      : wish.extraArguments,
    environment: isVllm ? settings['vllm.environment'] : keepAliveEnvironment(wish.keepAlive),
  };
}

/** Whether the same wish would fit if nothing were kept for Ollama, of which vLLM itself knows nothing. */
export function fitsOnWhatIsKept(
  state: AppState,
  settings: Settings,
  wish: Wish,
  model: ModelRequest,
): boolean {
  const around = surroundingsOf(state, settings, wish, model);
  if (around.coexistence.ollamaReservationBytes === 0) return false;
  const { safetyBufferBytes } = around.coexistence;
  const coexistence = { ollamaReservationBytes: 0, safetyBufferBytes };
  const { extraArguments } = commandSettingsFor(state, settings, wish, 0);
  const request = requestForWish(wish, { ...around, coexistence });
  return plan(withArguments(request, extraArguments)).verdict !== 'doesNotFit';
}

/** The plan for a wish on this machine now. */
export function answerWish(
  state: AppState,
  settings: Settings,
  wish: Wish,
  model: ModelRequest,
  port: number,
): PlanAnswer {
  const request = requestForWish(wish, surroundingsOf(state, settings, wish, model));
  return answerRequest(request, commandSettingsFor(state, settings, wish, port));
}
