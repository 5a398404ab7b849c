import assert from 'node:assert/strict';
import { diagnoseText, type Outcome } from '../../../../src/engines/diagnose';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import type { PlanOptions, PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import { llama8b } from '../../../fixtures/planner/configs';
import { describeWithData } from '../../../support/sharedData';
import { requestOf, startupCases, type StartupCase } from '../../../support/startupCases';

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/**
 * What `diagnose` would hand to learning: from the log's own lines and the options the server was launched with. Figures
 * that the recording only has in a table of its own are filled in.
 */
function outcomeOf(one: StartupCase, request: PlanRequest): Outcome {
  const options: PlanOptions = Object.fromEntries(
    Object.entries(request.options).filter(([, value]) => value !== null && value !== undefined),
  );
  const { outcome } = diagnoseText(
    one.raw_lines.join('\n'),
    'vllm',
    {},
    {
      model: one.model,
      gpuName: one.gpu_name,
      options,
    },
  );
  const { reported } = one;
  const bytes = (gib: number | null) => (gib === null ? null : Math.round(gib * GIB));
  const { facts } = outcome;
  return {
    ...outcome,
    facts: {
      ...facts,
      weightsBytes: facts.weightsBytes ?? bytes(reported.weights_gib),
      activationBytes: facts.activationBytes ?? bytes(reported.activation_peak_gib),
      nonTorchBytes: facts.nonTorchBytes ?? bytes(reported.non_torch_gib),
      graphBytes: facts.graphBytes ?? bytes(reported.cudagraph_gib),
      kvCacheBytes: facts.kvCacheBytes ?? bytes(reported.available_kv_gib),
    },
  };
}

const asRecord = (outcome: Outcome): Record<string, unknown> =>
  JSON.parse(JSON.stringify(outcome)) as Record<string, unknown>;

const poolOf = (request: PlanRequest): number => planVllm(request).perGpu[0]?.kvCacheBytes ?? 0;

describeWithData('vLLM plans after one observed start', () => {
  const good = startupCases().filter(
    (one) =>
      (one.total_gib_per_gpu ?? one.total_gib_hint) !== null &&
      one.reported.available_kv_gib !== null &&
      one.reported.available_kv_gib > 0 &&
      one.reported.outcome === 'ok',
  );

  for (const weights of ['given', 'fromConfig'] as const)
    it(`come within 2 % of the pool of ${String(good.length)} good starts, weights ${weights}`, () => {
      const before: number[] = [];
      const after: { id: string; share: number }[] = [];
      for (const one of good) {
        const request = requestOf(one, weights);
        const learned = [asRecord(outcomeOf(one, request))];
        const logged = (one.reported.available_kv_gib ?? 0) * GIB;
        before.push(Math.abs(poolOf(request) / logged - 1));
        after.push({ id: one.id, share: Math.abs(poolOf({ ...request, learned }) / logged - 1) });
      }
      const off = after.filter(({ share }) => share > 0.02);
      const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
      console.log(
        `      pool off by ${percent(mean(before))} on average before, ${percent(mean(after.map((one) => one.share)))} after (worst ${percent(Math.max(...after.map((one) => one.share)))}); over 2 %: ${off.map(({ id, share }) => `${id} ${percent(share)}`).join(', ') || 'none'}`,
      );
      assert.ok(good.length >= 40);
      assert.deepEqual(off, []);
    });

  it('come close with one setting changed, where the recordings have such pairs', () => {
    const pairs: { name: string; before: number; after: number }[] = [];
    for (const a of good)
      for (const b of good) {
        if (a === b || a.model !== b.model || a.gpu_name !== b.gpu_name) continue;
        if (a.vllm_version !== b.vllm_version) continue;
        const request = requestOf(b, 'fromConfig');
        const logged = (b.reported.available_kv_gib ?? 0) * GIB;
        const learned = [asRecord(outcomeOf(a, requestOf(a, 'fromConfig')))];
        const before = poolOf(request) / logged - 1;
        const after = poolOf({ ...request, learned }) / logged - 1;
        const [x, y] = [requestOf(a, 'fromConfig').options, request.options];
        const changed = Object.keys(y).filter(
          (key) => x[key as keyof PlanOptions] !== y[key as keyof PlanOptions],
        );
        pairs.push({ name: `${a.id} → ${b.id} (${changed.join(', ')})`, before, after });
      }
    for (const { name, before, after } of pairs)
      console.log(`      ${name}: off by ${percent(before)} before, ${percent(after)} after`);
    assert.ok(pairs.length >= 8);
    assert.ok(pairs.every(({ after }) => Math.abs(after) < 0.05));
  });
});

describe('vLLM plans after a failed start', () => {
  const card = { name: 'NVIDIA GeForce RTX 4090', totalBytes: 25757220864, freeBytes: 25e9 };
  const planned = (
    options: PlanOptions,
    learned: Record<string, unknown>[] = [],
    freeBytes = card.freeBytes,
  ) =>
    planVllm({
      engine: 'vllm',
      engineVersion: '0.19.1',
      model: { name: 'someone/llama', config: llama8b },
      gpus: [{ ...card, freeBytes, memory: 'dedicated' }],
      options,
      learned,
    });
  const failure = (causeId: string, options: PlanOptions, facts: object = {}) => ({
    engine: 'vllm',
    engineVersion: '0.19.0',
    model: 'someone/llama',
    gpuName: card.name,
    options,
    result: 'failed',
    causeId,
    facts: { ...facts },
  });
  const tight = { gpuMemoryUtilization: 0.85, maxModelLen: 16384 };

  it('do not call the same demand a fit, however it is written', () => {
    const failed = [failure('oom_sampler_warmup', tight, { freeBytesAtStart: 25e9 })];
    assert.equal(planned(tight).verdict, 'fits');
    assert.notEqual(planned(tight, failed).verdict, 'fits');
    const same = { ...tight, tensorParallelSize: 1, dtype: 'bfloat16', maxNumSeqs: 256 };
    assert.notEqual(planned(same, failed).verdict, 'fits');
    assert.notEqual(planned({ ...tight, maxModelLen: 32768 }, failed).verdict, 'fits');
    assert.equal(planned({ gpuMemoryUtilization: 0.8, maxModelLen: 8192 }, failed).verdict, 'fits');
  });

  it('ask for more than the pool that was too small', () => {
    const wide = { gpuMemoryUtilization: 0.85, maxModelLen: 16384 };
    const failed = [failure('kv_cache_too_small', wide)];
    assert.equal(planned(wide).verdict, 'fits');
    const again = planned(wide, failed);
    assert.notEqual(again.verdict, 'fits');
    assert.ok(again.advice.every(({ change }) => change.gpuMemoryUtilization !== 0.85));
    assert.ok((again.utilization?.smallest ?? 1) > 0.85);
    assert.equal(planned({ ...wide, maxModelLen: 1024 }, failed).verdict, 'fits');
  });

  it('forget it once the same settings have come up since, or more is free', () => {
    const failed = failure('oom_cuda_graph_capture', tight, { freeBytesAtStart: 23e9 });
    const good = { ...failed, result: 'ready', causeId: null };
    assert.notEqual(planned(tight, [failed], 23e9).verdict, 'fits');
    assert.equal(planned(tight, [failed, good], 25e9).verdict, 'fits');
    assert.equal(planned(tight, [failed], 25e9).verdict, 'fits');
  });

  it('take nothing from other causes, models, cards and versions', () => {
    const failed = failure('oom_sampler_warmup', tight);
    for (const other of [
      { causeId: 'port_in_use' },
      { causeId: 'free_memory_check' },
      { model: 'someone/else' },
      { gpuName: 'NVIDIA L4' },
      { engineVersion: '0.11.0' },
      { options: { nonsense: [] }, engine: 'ollama' },
    ])
      assert.equal(planned(tight, [{ ...failed, ...other }]).verdict, 'fits');
  });
});
