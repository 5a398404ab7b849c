import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { demandOf, perTokenBytes } from '../../../../src/planner/vllm/demand';
import { parametersOf, parameterTotal } from '../../../../src/planner/vllm/parameters';
import { parametersInName } from '../../../../src/planner/nameSize';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { GIB } from '../../../../src/shared/units';
import type { PlanRequest } from '../../../../src/shared/planRequest';
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

  it('lie in the range of what their names alone tell', () => {
    // `1_6b` reads as 6B, `1B-7B` names the active part first
    const misread: ReadonlySet<string> = new Set([
      'stabilityai/stablelm-2-1_6b',
      'allenai/OLMoE-1B-7B-0924',
    ]);
    const named = publicModels.filter(({ name }) => parametersInName(name) && !misread.has(name));
    assert.ok(named.length >= 40, String(named.length));
    const off = named.flatMap(({ name, config }) => {
      const demandFor = (model: PlanRequest['model']) =>
        demandOf({
          engine: 'vllm',
          engineVersion: '0.19.1',
          model,
          gpus: [{ name: null, totalBytes: 2000 * GIB, memory: 'dedicated' }],
          options: { maxModelLen: 512 },
        });
      const byName = demandFor({ name });
      const byConfig = demandFor({
        name: null,
        config: { ...config, max_position_embeddings: 2048 },
      });
      const kv = perTokenBytes(byConfig) ?? 0;
      const isAlike = byName.weights.format?.id === byConfig.weights.format?.id;
      return [
        ...(isAlike
          ? within(`${name}: weights`, byConfig.weightsAt[0]?.bytes ?? 0, byName.weightsAt[0])
          : []),
        // models with few attention layers, or none, may have less than any bound
        ...within(
          `${name}: KV`,
          Math.max(kv, byName.roughPerToken?.low ?? 0),
          byName.roughPerToken,
        ),
      ];
    });
    assert.deepEqual(off, []);
  });
});

function within(
  what: string,
  bytes: number,
  range: { readonly low: number; readonly high: number } | null | undefined,
): string[] {
  const isWithin = range && bytes >= range.low && bytes <= range.high;
  return isWithin ? [] : [`${what} ${String(bytes)} in ${JSON.stringify(range)}`];
}
