/** From a wish and the state of the machine to a plan with its command: the host's word, which wins over the page's. */
import { keepAliveEnvironment, ollamaCommand } from '../engines/ollama/command';
import { vllmCommand } from '../engines/vllm/command';
import type { CommandSettings } from '../engines/engine';
import type { Gpu } from '../gpu/gpu';
import { plan } from '../planner/plan';
import type { PlanAnswer } from '../shared/planAnswer';
import type { GpuRequest, ModelRequest, PlanRequest } from '../shared/planRequest';
import { MIB } from '../shared/units';
import { requestForWish, type PlanSurroundings, type Wish } from '../shared/wish';
import { learnedFor } from './learnedFor';
import { runningOf } from './running';
import type { Settings } from './settings';
import { freeBytesOf, type AppState } from './state';

/**
 * GPUs with a known size, as the planner takes them; the others can't be planned on. Only those of one maker: no build of
 * an engine uses several makers' at once.
 */
export function plannableGpus(gpus: readonly Gpu[]): (GpuRequest & { index: number })[] {
  const sized = gpus.map(asSeen).filter((gpu) => gpu.totalBytes !== null);
  const vendor = sized[0]?.vendor;
  return sized
    .filter((gpu) => gpu.vendor === vendor)
    .map((gpu) => ({
      index: gpu.index,
      name: gpu.name,
      totalBytes: gpu.totalBytes ?? 0,
      freeBytes: freeBytesOf(gpu),
      memory: gpu.memory,
      ...(gpu.cudaBytes === undefined ? {} : { cudaBytes: gpu.cudaBytes }),
    }));
}

/** Of a card that is cut into slices (MIG) a program sees one: the one with most room is planned on. */
function asSeen(gpu: Gpu): Gpu {
  const [slice] = (gpu.migDevices ?? [])
    .map((each) => ({ ...each, freeBytes: freeBytesOf(each) }))
    .filter(({ totalBytes }) => totalBytes !== null)
    .sort((a, b) => (b.freeBytes ?? 0) - (a.freeBytes ?? 0));
  if (slice?.totalBytes == null) return gpu;
  const { totalBytes, usedBytes, freeBytes } = slice;
  const name = `${gpu.name ?? 'GPU'} MIG ${slice.profile ?? String(slice.device ?? '')}`.trim();
  return { ...gpu, name, totalBytes, usedBytes, freeBytes, cudaBytes: totalBytes };
}

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
    coexistence: coexistenceOf(settings),
    learned: learnedFor(state, settings, { ...wish, facts: model, gpu: gpus[0] }),
    running: runningOf(state, settings),
  };
}

/** What a plan leaves to others. The reservation for Ollama concerns workers only (`planner/workers`). */
export function coexistenceOf(settings: Settings): PlanSurroundings['coexistence'] {
  return {
    ollamaReservationBytes: 0,
    safetyBufferBytes: settings['planner.headroomMiB'] * MIB,
  };
}

export function answerRequest(request: PlanRequest, command: CommandSettings): PlanAnswer {
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
