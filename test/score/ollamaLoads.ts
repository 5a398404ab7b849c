/** The Ollama planner against the recorded loads. */
import {
  COMPUTE_NOT_KNOWN,
  compareLoad,
  type OllamaLoad,
  withinRounding,
} from '../support/ollamaLoads';
import type { Goal, Measurement } from './figures';

export const LOAD_GOALS: Readonly<Record<string, Goal>> = {
  'K/V cache': { worst: 0.02 },
  'layers on the GPU': { worst: 1 },
  'compute buffer': { inRange: 0.95 },
  'compute buffer, foreign builds': {},
};

export function measureLoads(loads: readonly OllamaLoad[]): Measurement[] {
  return loads.flatMap((load) => {
    const compared = compareLoad(load);
    if (!compared) return [];
    const { plan, keyValue, layers, compute } = compared;
    const architecture = load.gguf?.architecture;
    const base = {
      engine: 'ollama' as const,
      id: load.id,
      family: typeof architecture === 'string' ? architecture : 'not stated',
      version: plan.engineVersion.replace(/^(\d+\.\d+).*/, '$1'),
    };
    const measured: Measurement[] = [];
    if (keyValue) {
      const { ours, printed } = keyValue;
      const off = withinRounding(ours, printed) ? 0 : Math.abs(ours / printed - 1);
      const why = `${ours.toFixed(3)} GiB planned, ${String(printed)} printed`;
      measured.push({ ...base, figure: 'K/V cache', error: off, range: null, why });
    }
    if (layers) {
      const { ours, printed } = layers;
      const why = `${String(ours)} layers planned, ${String(printed)} placed`;
      const error = Math.abs(ours - printed);
      measured.push({ ...base, figure: 'layers on the GPU', error, range: null, why });
    }
    if (compute) {
      const { ours, printed, range, holds } = compute;
      const isOther = COMPUTE_NOT_KNOWN.includes(load.id);
      measured.push({
        ...base,
        figure: isOther ? 'compute buffer, foreign builds' : 'compute buffer',
        error: Math.abs(ours - printed) / Math.max(printed, 0.05),
        range: { holds, width: (range[1] - range[0]) / Math.max(printed, 0.05) },
        why: `${ours.toFixed(3)} GiB planned, ${String(printed)} printed`,
      });
    }
    return measured;
  });
}
