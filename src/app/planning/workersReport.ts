/** `Plan GPU Workers…` for this machine now: the plan, the analysis as text, and what terminals can be given of it. */
import {
  planWorkers,
  WORKER_HINTS,
  workerEnvironment,
  type WorkerEnvironment,
  type WorkersPlan,
} from '../../planner/workers';
import { forOllamaModel, withPreset, type WorkerSettings } from '../../planner/workerSettings';
import type { AppContext } from '../appContext';
import { ollamaOnCard, workerSettingsOf } from '../coexistence/coexistence';
import type { CoexistenceWatch } from '../coexistence/coexistenceWatch';
import { ollamaFallbacks, placementLine } from '../coexistence/coexistenceText';
import { plannableGpus } from './plannableGpus';
import type { AppState } from '../state';
import type { WorkersChoice } from './workersChoices';

export interface WorkersWish {
  readonly choice: WorkersChoice;
  /** null: the first that can be planned on. */
  readonly gpuIndex: number | null;
}

export interface WorkersReport {
  /** For people. */
  readonly text: string;
  /** null: there is no GPU to plan on. */
  readonly plan: WorkersPlan | null;
  /** null: no GPU, or refused. */
  readonly environment: WorkerEnvironment | null;
}

export async function workersReport(
  context: AppContext,
  watch: Pick<CoexistenceWatch, 'look'>,
  wish: WorkersWish,
): Promise<WorkersReport> {
  await Promise.all([context.lookAtGpus(), watch.look()]);
  return reportOf(context.store.state(), workerSettingsOf(context.settings()), wish);
}

function reportOf(
  state: AppState,
  fromSettings: WorkerSettings,
  { choice, gpuIndex }: WorkersWish,
): WorkersReport {
  const { gpu: gpuState, coexistence } = state;
  const gpus = plannableGpus(gpuState.sample?.gpus ?? []);
  const gpu = gpus.find(({ index }) => index === gpuIndex) ?? gpus[0];
  if (!gpu) {
    const text = 'GPU workers: no GPU is known on this machine.\n';
    return { text, plan: null, environment: null };
  }
  const settings = chosenSettings(coexistence.file ?? fromSettings, choice);
  const plan = planWorkers({
    totalBytes: gpu.totalBytes,
    freeBytes: gpu.freeBytes ?? null,
    settings,
    ollamaHeldBytes: settings.detectsOllama ? ollamaOnCard(state, gpu.index).heldBytes : null,
  });
  const card = `GPU ${String(gpu.index)}${gpu.name == null ? '' : `: ${gpu.name}`}`;
  const lines = [
    gpuState.simulated ? 'GPU workers (simulated GPU)' : 'GPU workers',
    '',
    ...(gpus.length > 1 ? [card] : []),
    `Settings: ${plan.source}`,
    ...(coexistence.fileProblem === null ? [] : [`Not used: ${coexistence.fileProblem}`]),
    ...plan.steps,
    '',
    'Ollama now',
    ...ollamaLines(state, settings),
    '',
    'If it goes wrong',
    ...WORKER_HINTS,
  ];
  return {
    text: `${lines.join('\n')}\n`,
    plan,
    environment: workerEnvironment(plan, gpus.length > 1 ? gpu.index : null),
  };
}

function chosenSettings(base: WorkerSettings, choice: WorkersChoice): WorkerSettings {
  switch (choice.kind) {
    case 'settings':
      return base;
    case 'preset':
      return withPreset(base, choice.preset);
    case 'ollamaModel':
      return forOllamaModel(base, choice.billions);
  }
}

function ollamaLines(state: AppState, { detectsOllama }: WorkerSettings): readonly string[] {
  if (!detectsOllama) return ['It is not looked for: vramPilot.coexistence.enableOllamaDetection.'];
  const { answers, models } = state.coexistence.ollama;
  if (!answers)
    return ['None answers here. One that can’t be seen is still counted with its reservation.'];
  if (models.length === 0) return ['It runs, and has no model loaded.'];
  const fallbacks = ollamaFallbacks(state);
  return models.flatMap((model) => [
    placementLine(state, model),
    ...(fallbacks.find((one) => one.model === model.name)?.lines ?? []).map((line) => `  ${line}`),
  ]);
}
