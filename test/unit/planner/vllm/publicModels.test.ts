import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { parametersOf, parameterTotal } from '../../../../src/planner/vllm/parameters';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { GIB } from '../../../../src/shared/units';
import { publicModels } from '../../../support/publicModels';

/** Counted to a part in a million only: positions and norms of its image adapter. */
const NEARLY: ReadonlySet<string> = new Set(['meta-llama/Llama-4-Scout-17B-16E']);

/** Quantization changes the bytes and not the count; a long rotary table adds to the smallest models. */
const PLAIN = { quantization_config: null, max_position_embeddings: 2048 };

describe(`vLLM parameters of ${String(publicModels.length)} published models`, () => {
  it('are at least 40 models of 20 architectures', () => {
    assert.ok(publicModels.length >= 40);
    assert.ok(new Set(publicModels.map(({ config }) => config.model_type)).size >= 20);
  });

  it('are counted to the last one', () => {
    const off = publicModels.flatMap(({ name, parameters, config }) => {
      const counted = parametersOf(readHfConfig(config));
      if (!counted) return [`${name}: not counted`];
      const difference = parameterTotal(counted) - parameters;
      const allowed = NEARLY.has(name) ? parameters * 1e-5 : 0;
      return Math.abs(difference) <= allowed ? [] : [`${name}: ${String(difference)} off`];
    });
    assert.deepEqual(off, []);
  });

  it('make weights within 1 %', () => {
    const off = publicModels.flatMap(({ name, parameters, config }) => {
      const plan = planVllm({
        engine: 'vllm',
        engineVersion: '0.19.1',
        model: { name: null, config: { ...config, ...PLAIN } },
        gpus: [{ name: null, totalBytes: 2000 * GIB, memory: 'dedicated' }],
        options: { maxModelLen: 512 },
      });
      const share = (plan.perGpu[0]?.weightsBytes ?? 0) / (parameters * 2);
      return Math.abs(share - 1) <= 0.01 ? [] : [`${name}: ${share.toFixed(4)}`];
    });
    assert.deepEqual(off, []);
  });
});
