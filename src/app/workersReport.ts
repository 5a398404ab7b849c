/** `Plan GPU Workers…` for this machine now: the analysis as text. */
import { planWorkers } from '../planner/workers';
import {
  readWorkerConfig,
  WORKER_CONFIG_FILE,
  type WorkerSettings,
} from '../planner/workerSettings';
import { GIB, MIB } from '../shared/units';
import type { AppContext } from './appContext';
import { settingDefaults, type Settings } from './settings';
import { freeBytesOf } from './state';

const MAX_CONFIG_BYTES = 1_000_000;

export async function workersReport(
  context: AppContext,
  workspaceFolder: string | null,
): Promise<string> {
  await context.lookAtGpus();
  const { gpu: gpuState, holders } = context.store.state();
  const gpu = gpuState.sample?.gpus[0];
  if (gpu?.totalBytes == null) return 'GPU workers: no GPU is known on this machine.\n';
  const { settings, note } = await workerSettings(context, workspaceFolder);
  const ollamaHeldBytes = settings.detectsOllama
    ? holders
        .filter((holder) => holder.gpus.includes(gpu.index))
        .filter((holder) => /\bollama\b/.test(holder.command ?? ''))
        .reduce((sum, holder) => sum + (holder.usedBytes ?? 0), 0)
    : null;
  const { steps } = planWorkers({
    totalBytes: gpu.totalBytes,
    freeBytes: freeBytesOf(gpu),
    settings,
    ollamaHeldBytes,
  });
  const title = gpuState.simulated ? 'GPU workers (simulated GPU)' : 'GPU workers';
  return `${[title, '', `Settings: ${settings.source}`, ...note, ...steps].join('\n')}\n`;
}

/** The file in the workspace wins over the settings; a broken one is said, and the settings are used. */
async function workerSettings(
  context: AppContext,
  workspaceFolder: string | null,
): Promise<{ settings: WorkerSettings; note: string[] }> {
  const base = fromSettings(context.settings());
  if (workspaceFolder === null) return { settings: base, note: [] };
  const path = context.files.join(workspaceFolder, WORKER_CONFIG_FILE);
  if (!(await context.files.stat(path))) return { settings: base, note: [] };
  const text = await context.files.readText(path, MAX_CONFIG_BYTES);
  const read = text.ok ? readWorkerConfig(text.value, base, WORKER_CONFIG_FILE) : text;
  return read.ok
    ? { settings: read.value, note: [] }
    : { settings: base, note: [`Not used: ${read.failure.detail}`] };
}

function fromSettings(settings: Settings): WorkerSettings {
  const reservationMb = settings['coexistence.ollamaVramReservationMb'];
  const untouched = reservationMb === settingDefaults()['coexistence.ollamaVramReservationMb'];
  return {
    // left at its default, the reservation goes by the size of the card
    reservationBytes: untouched ? null : reservationMb * MIB,
    maxWorkersPerGib: settings['coexistence.maxWorkersPerGb'],
    minimumBytesPerWorker: settings['coexistence.minVramPerWorkerGb'] * GIB,
    bufferBytes: settings['coexistence.safetyBufferMb'] * MIB,
    detectsOllama: settings['coexistence.enableOllamaDetection'],
    fallsBackToCpu: settings['coexistence.fallbackToCpuWhenConstrained'],
    maxWorkers: settings['coexistence.maxWorkers'],
    source: 'VS Code settings',
  };
}
