/** What a person can plan workers with, in words. */
import {
  OLLAMA_MODEL_SIZES,
  reservationForModel,
  WORKER_PRESETS,
  type WorkerPreset,
} from '../../planner/workerSettings';
import { formatGib, GIB } from '../../shared/units';
import type { AppState } from '../state';

/** As it is set, a preset, or a reservation for Ollama's model of so many 10⁹ parameters. */
export type WorkersChoice =
  | { readonly kind: 'settings' }
  | { readonly kind: 'preset'; readonly preset: WorkerPreset }
  | { readonly kind: 'ollamaModel'; readonly billions: number };

export interface NamedChoice {
  readonly label: string;
  readonly description: string;
  readonly choice: WorkersChoice;
}

const PRESET_NAMES: Readonly<Record<WorkerPreset, string>> = {
  conservative: 'Conservative',
  aggressive: 'Aggressive',
  'ultra-conservative': 'Ultra-Conservative',
};

/** In groups with headings. */
export function workersChoices({
  coexistence,
}: Pick<AppState, 'coexistence'>): readonly (readonly [string, readonly NamedChoice[]])[] {
  const source = coexistence.file?.source ?? 'VS Code settings';
  return [
    ['Settings', [{ label: 'As Set', description: source, choice: { kind: 'settings' } }]],
    ['Presets', (Object.keys(PRESET_NAMES) as WorkerPreset[]).map(presetChoice)],
    ['By the size of Ollama’s model', OLLAMA_MODEL_SIZES.map(modelChoice)],
  ];
}

function presetChoice(preset: WorkerPreset): NamedChoice {
  const { reservationBytes, maxWorkersPerGib, minimumBytesPerWorker } = WORKER_PRESETS[preset];
  return {
    label: PRESET_NAMES[preset],
    description: `${formatGib(reservationBytes, 0)} for Ollama, ${String(maxWorkersPerGib)} workers per GiB, at least ${String(minimumBytesPerWorker / GIB)} GiB each`,
    choice: { kind: 'preset', preset },
  };
}

function modelChoice(billions: number): NamedChoice {
  return {
    label: `${String(billions)}B${billions === OLLAMA_MODEL_SIZES.at(-1) ? ' or more' : ''}`,
    description: `${formatGib(reservationForModel(billions), 0)} for Ollama`,
    choice: { kind: 'ollamaModel', billions },
  };
}
