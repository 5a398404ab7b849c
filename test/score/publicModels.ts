/** Parameters and weights of published models, from their configs and from tensor headers. */
import { readHfConfig } from '../../src/models/hfConfig';
import { parametersOf, parameterTotal, type Parameters } from '../../src/planner/vllm/parameters';
import { planVllm } from '../../src/planner/vllm/planVllm';
import { GIB } from '../../src/shared/units';
import type { WeightGroup } from '../../src/shared/planRequest';
import { publicModels, type PublicModel } from '../support/publicModels';
import type { Goal, Measurement } from './figures';

const HEADERS = 'weights from headers against config';

export const MODEL_GOALS: Readonly<Record<string, Goal>> = {
  'parameters of published models': { worst: 1e-5 },
  [HEADERS]: { mean: 0.01, worst: 0.015 },
};

/** On the fly, which needs no checkpoint of its own. */
const CONVERSIONS = [null, 'bitsandbytes', 'fp8'];

export function measurePublicModels(): Measurement[] {
  return publicModels.flatMap((model) => {
    const parameters = parametersOf(readHfConfig(model.config));
    const counted = parameters ? parameterTotal(parameters) : 0;
    const base = {
      engine: 'vllm' as const,
      id: model.name,
      family: typeof model.config.model_type === 'string' ? model.config.model_type : 'not stated',
      version: 'any',
    };
    return [
      {
        ...base,
        figure: 'parameters of published models',
        error: Math.abs(counted / model.parameters - 1),
        range: null,
        why: `${String(counted)} counted, ${String(model.parameters)} published`,
      },
      ...(parameters && model.config.quantization_config == null
        ? CONVERSIONS.map((quantization) => ({
            ...base,
            ...compare(model, parameters, quantization),
          }))
        : []),
    ];
  });
}

/** Two ways to one figure: tensors as a 16-bit checkpoint stores them, and the config alone. */
function compare(model: PublicModel, parameters: Parameters, quantization: string | null) {
  const config = { ...model.config, max_position_embeddings: 2048 };
  const weightsOf = (groups: WeightGroup[] | null): number => {
    const totalBytes = 2000 * GIB;
    const plan = planVllm({
      engine: 'vllm',
      engineVersion: '0.19.1',
      model: {
        name: null,
        config,
        weights: groups && { groups, totalBytes: 1, tensorCount: groups.length },
      },
      gpus: [{ name: null, totalBytes, memory: 'dedicated' }],
      options: { maxModelLen: 512, quantization },
    });
    return plan.perGpu[0]?.weightsBytes ?? 0;
  };
  const [fromHeaders, fromConfig] = [weightsOf(groupsOf(parameters)), weightsOf(null)];
  const gib = (bytes: number) => `${(bytes / GIB).toFixed(2)} GiB`;
  return {
    figure: HEADERS,
    error: Math.abs(fromHeaders / fromConfig - 1),
    range: null,
    why: `${quantization ?? '16 bit'}: ${gib(fromHeaders)} from headers, ${gib(fromConfig)} from the config`,
  };
}

function groupsOf(parameters: Parameters): WeightGroup[] {
  const group = (role: WeightGroup['role'], elements: number, isMatrix = true): WeightGroup => ({
    role,
    dtype: 'BF16',
    bytes: elements * 2,
    elements,
    matrixBytes: isMatrix ? elements * 2 : 0,
    matrixElements: isMatrix ? elements : 0,
  });
  const mlp = parameters.linear - parameters.attention;
  return [
    group('embedding', parameters.embedding),
    group('head', parameters.head),
    group('attention', parameters.attention + parameters.down),
    group('mlp', mlp),
    group('expert', parameters.expert),
    group('norm', parameters.replicated - parameters.down, false),
    group('vision', parameters.tower),
  ].filter((one) => one.bytes > 0);
}
