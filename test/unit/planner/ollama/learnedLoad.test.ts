import assert from 'node:assert/strict';
import { planOllama } from '../../../../src/planner/ollama/planOllama';
import type { PlanOptions, PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import { compareLoad, loadRequest, ollamaLoads } from '../../../support/ollamaLoads';
import { describeWithData } from '../../../support/sharedData';
import { llama8bGguf } from '../../../fixtures/planner/ggufs';

const request = (options: PlanOptions, learned: Record<string, unknown>[] = []): PlanRequest => ({
  engine: 'ollama',
  engineVersion: '0.12.11',
  model: {
    name: 'llama3.1:8b',
    gguf: llama8bGguf,
  },
  gpus: [{ name: 'GPU', totalBytes: 12 * GIB, freeBytes: 11 * GIB, memory: 'dedicated' }],
  options,
  learned,
});

const outcome = (options: PlanOptions, more: Record<string, unknown> = {}) => ({
  engine: 'ollama',
  engineVersion: '0.12.11',
  model: 'llama3.1:8b',
  gpuName: 'GPU',
  options,
  result: 'ready',
  causeId: null,
  facts: { weightsBytes: 4.6e9, graphBytes: 7e8 },
  ...more,
});

describe('Ollama plans after an observed load', () => {
  it('take its figures over, and scale the compute buffer with the estimate', () => {
    const learned = [outcome({ numCtx: 8192 })];
    const same = planOllama(request({ numCtx: 8192 }, learned));
    assert.equal(same.basis, 'learned');
    assert.equal(same.perGpu[0]?.weightsBytes, 4.6e9);
    assert.equal(same.perGpu[0].graphBytes, 7e8);
    const at = (numCtx: number, list: Record<string, unknown>[] = []) =>
      planOllama(request({ numCtx }, list)).perGpu[0]?.graphBytes ?? 0;
    const ratio = at(32768) / at(8192);
    assert.ok(Math.abs(at(32768, learned) / 7e8 / ratio - 1) < 0.01);
  });

  it('are no fit where as much or less failed before, and not put off by what needed more', () => {
    const failed = [outcome({ numCtx: 16384 }, { result: 'degraded', facts: null })];
    assert.equal(planOllama(request({ numCtx: 16384 })).verdict, 'fits');
    assert.notEqual(planOllama(request({ numCtx: 16384 }, failed)).verdict, 'fits');
    assert.notEqual(planOllama(request({ numCtx: 20480 }, failed)).verdict, 'fits');
    assert.equal(planOllama(request({ numCtx: 8192 }, failed)).verdict, 'fits');
    const again = planOllama(request({ numCtx: 16384 }, [...failed, outcome({ numCtx: 16384 })]));
    assert.equal(again.verdict, 'fits');
  });
});

describeWithData('Ollama plans after one recorded load', () => {
  it('come within 2 % of what it took', () => {
    const rows = ollamaLoads().flatMap((load) => {
      const before = loadRequest(load);
      const compared = compareLoad(load);
      const printed = compared?.compute?.printed ?? null;
      const whole = load.reported.layers_offloaded === load.reported.layers_total;
      if (!before || !compared || printed === null || !whole || before.gpus.length !== 1) return [];
      if (before.model.name == null) return [];
      const [gpu] = compared.plan.perGpu;
      const learned = [
        {
          engine: 'ollama',
          engineVersion: before.engineVersion,
          model: before.model.name,
          gpuName: before.gpus[0]?.name ?? null,
          options: before.options,
          result: 'ready',
          facts: { weightsBytes: gpu?.weightsBytes, graphBytes: printed * GIB },
        },
      ];
      const after = planOllama({ ...before, learned }).perGpu[0];
      const took = (gpu?.weightsBytes ?? 0) + (gpu?.kvCacheBytes ?? 0) + printed * GIB;
      const planned = (one: typeof after) =>
        (one?.weightsBytes ?? 0) + (one?.kvCacheBytes ?? 0) + (one?.graphBytes ?? 0);
      return [{ id: load.id, before: planned(gpu) / took - 1, after: planned(after) / took - 1 }];
    });
    const off = rows.filter(({ after }) => Math.abs(after) > 0.02).map(({ id }) => id);
    const mean = (list: readonly number[]) =>
      (list.reduce((sum, one) => sum + Math.abs(one), 0) / list.length) * 100;
    console.log(
      `      ${String(rows.length)} loads: weights, K/V and compute off by ${mean(rows.map((one) => one.before)).toFixed(2)} % before, ${mean(rows.map((one) => one.after)).toFixed(2)} % after`,
    );
    assert.ok(rows.length >= 10, String(rows.length));
    assert.deepEqual(off, []);
  });
});
