import assert from 'node:assert/strict';
import { vllmCommand } from '../../../../src/engines/vllm/command';
import { corePlanOf } from '../../../../src/planner/vllm/corePlan';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { remedies } from '../../../../src/planner/vllm/remedies';
import type { PlanOptions, PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import { gemma3_27b, llama8b, qwen14b, qwen600m } from '../../../fixtures/planner/configs';

const card = (name: string | null, gib: number, freeGib = gib) => ({
  name,
  totalBytes: gib * GIB,
  freeBytes: freeGib * GIB,
  memory: 'dedicated' as const,
});
const ADA = card('NVIDIA GeForce RTX 4090', 23.5, 23);
const AMPERE = card('NVIDIA GeForce RTX 3090', 23.5, 23);

const request = (
  config: Record<string, unknown>,
  options: PlanOptions,
  gpus = [ADA],
  engineVersion = '0.19.1',
): PlanRequest => ({
  engine: 'vllm',
  engineVersion,
  model: { name: 'a/b', config },
  gpus,
  options,
});

const idsOf = (asked: PlanRequest): string[] => planVllm(asked).advice.map(({ id }) => id);
const before = (ids: readonly string[], first: string, second: string): boolean =>
  ids.includes(first) && ids.indexOf(first) < (ids.indexOf(second) + 1 || Infinity);

describe('vLLM advice: least harm first', () => {
  it('prefers FP8 weights to 4 bit where the card computes in FP8, and has no FP8 elsewhere', () => {
    const ids = idsOf(request(qwen14b, { gpuMemoryUtilization: 0.9, maxModelLen: 4096 }));
    assert.ok(before(ids, 'quantize-fp8', 'quantize-bitsandbytes'), ids.join());
    const older = idsOf(request(qwen14b, { gpuMemoryUtilization: 0.9 }, [AMPERE]));
    assert.ok(older.includes('quantize-bitsandbytes'));
    assert.ok(!older.includes('quantize-fp8') && !older.includes('fp8-kv-cache'));
  });

  it('prefers eager mode to less context than was asked for, and the other way where nobody asked', () => {
    const order = (options: PlanOptions) =>
      remedies(corePlanOf(request(llama8b, { gpuMemoryUtilization: 0.8, ...options }))).map(
        ({ id }) => id,
      );
    const asked = order({ maxModelLen: 131_072 });
    assert.ok(before(asked, 'enforce-eager', 'shorter-context'), asked.join());
    assert.ok(before(asked, 'quantize-bitsandbytes', 'shorter-context'), asked.join());
    const half = order({ maxModelLen: 18_000 });
    assert.ok(before(half, 'shorter-context', 'quantize-bitsandbytes'), half.join());
    const unasked = order({});
    assert.ok(before(unasked, 'shorter-context', 'enforce-eager'), unasked.join());
  });

  it('offers nothing that version, card or checkpoint can’t do', () => {
    const awq = {
      ...qwen14b,
      quantization_config: { quant_method: 'awq', bits: 4, group_size: 128 },
    };
    const stored = idsOf(
      request(awq, { gpuMemoryUtilization: 0.9, maxModelLen: 32768 }, [card(ADA.name, 8)]),
    );
    assert.ok(
      stored.every((id) => !id.includes('quantize')),
      stored.join(),
    );
    const turing = idsOf(
      request(qwen14b, { gpuMemoryUtilization: 0.9 }, [card('Tesla P40', 23.5)]),
    );
    assert.ok(turing.every((id) => !id.includes('quantize') && !id.includes('fp8')));
    const [old] = planVllm(
      request(qwen14b, { gpuMemoryUtilization: 0.9, maxModelLen: 4096 }, [AMPERE], '0.8.0'),
    ).advice.filter(({ id }) => id === 'quantize-bitsandbytes');
    assert.equal(old?.change.loadFormat, 'bitsandbytes');
    const bnb = {
      ...llama8b,
      quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true },
    };
    const two = [card(ADA.name, 6), card(ADA.name, 6)];
    const ids = idsOf(request(bnb, { gpuMemoryUtilization: 0.9, maxModelLen: 8192 }, two));
    assert.ok(!ids.includes('tensor-parallel'));
    assert.ok(ids.includes('pipeline-parallel'), ids.join());
  });

  it('changes no share beside a fixed pool: none is passed on', () => {
    const pooled = { kvCacheMemoryBytes: GIB / 2, maxModelLen: 4096 };
    const busy = { ...ADA, freeBytes: 12 * GIB };
    const { verdict, advice } = planVllm(request(qwen600m, pooled, [busy]));
    assert.equal(verdict, 'doesNotFit');
    assert.deepEqual(
      advice.filter(({ change }) => 'gpuMemoryUtilization' in change),
      [],
    );
  });

  it('holds where it is applied to a request that names the size', () => {
    const asked = request(qwen14b, { gpuMemoryUtilization: 0.9, maxModelLen: 4096 });
    const sized = { ...asked, model: { ...asked.model, weightsBytes: 29.5e9 } };
    const { advice } = planVllm(sized);
    assert.ok(advice.some(({ change }) => change.quantization === 'fp8'));
    for (const { change, verdictAfter } of advice) {
      const options = { ...sized.options, ...change };
      assert.equal(planVllm({ ...sized, options }).verdict, verdictAfter, JSON.stringify(change));
    }
  });

  it('combines the least that is needed where no change alone is enough', () => {
    const asked = request(
      gemma3_27b,
      { gpuMemoryUtilization: 0.9, maxModelLen: 65_536, maxNumSeqs: 256 },
      [AMPERE],
    );
    const [first] = planVllm(asked).advice;
    assert.match(first?.id ?? '', /^combined-/);
    const after = planVllm({ ...asked, options: { ...asked.options, ...first?.change } });
    assert.equal(after.verdict, first?.verdictAfter);
  });
});

describe('vLLM advice: another GPU', () => {
  const full = card(ADA.name, 23.5, 4);
  const asked = request(llama8b, { gpuMemoryUtilization: 0.85, maxModelLen: 8192 }, [full, ADA]);

  it('is a change that a plan and a launch follow', () => {
    const advice = planVllm(asked).advice.find(({ id }) => id === 'use-gpu-1');
    assert.deepEqual(advice?.change, { visibleDevices: [1] });
    const changed = { ...asked, options: { ...asked.options, ...advice.change } };
    const answer = planVllm(changed);
    assert.equal(answer.verdict, advice.verdictAfter);
    assert.equal(answer.verdict, 'fits');
    assert.deepEqual(
      answer.perGpu.map(({ index, freeBytes }) => [index, freeBytes]),
      [[1, ADA.freeBytes]],
    );
    const { env } = vllmCommand(changed, answer, {
      file: 'vllm',
      host: '127.0.0.1',
      port: null,
      servedModelName: null,
      extraArguments: [],
      environment: { HF_HOME: '/models' },
    });
    assert.deepEqual(env, {
      HF_HOME: '/models',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      CUDA_VISIBLE_DEVICES: '1',
    });
  });

  it('is not offered again once GPUs were chosen', () => {
    const chosen = { ...asked, options: { ...asked.options, visibleDevices: [0] } };
    assert.ok(idsOf(chosen).every((id) => !id.startsWith('use-gpu')));
  });
});

describe('vLLM marks', () => {
  it('say what each share gives, as planning with it does', () => {
    const asked = request(llama8b, { gpuMemoryUtilization: 0.8, maxModelLen: 8192 });
    const { utilization } = planVllm(asked);
    for (const name of ['smallest', 'recommended', 'largest'] as const) {
      const mark = utilization?.marks?.[name];
      assert.ok(mark);
      assert.equal(mark.share, utilization[name]);
      const at = planVllm({
        ...asked,
        options: { ...asked.options, gpuMemoryUtilization: mark.share },
      });
      assert.equal(mark.kvCacheBytes, at.perGpu[0]?.kvCacheBytes);
      assert.equal(mark.tokens, at.kvCache.tokens);
      assert.equal(mark.maxConcurrency, at.kvCache.maxConcurrency);
    }
  });

  it('are not there where the pool is fixed or no GPU is known', () => {
    const fixed = planVllm(request(llama8b, { kvCacheMemoryBytes: 2 * GIB, maxModelLen: 8192 }));
    assert.equal(fixed.utilization?.marks?.smallest ?? null, null);
    const none = planVllm(request(llama8b, {}, []));
    assert.equal(none.utilization?.marks?.largest ?? null, null);
  });
});
