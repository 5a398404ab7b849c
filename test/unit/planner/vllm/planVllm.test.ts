import assert from 'node:assert/strict';
import { startCheck } from '../../../../src/planner/plan';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { startCheckSentence } from '../../../../src/planner/vllm/startCheck';
import { NEWEST_VLLM } from '../../../../src/planner/vllm/versions';
import type { PlanOptions, PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import {
  deepseekV3,
  gemma3_27b,
  llama8b,
  qwen14b,
  qwen3Next,
} from '../../../fixtures/planner/configs';

const rtx4090 = { name: 'NVIDIA GeForce RTX 4090', totalBytes: 25757220864 };
const h100 = { name: 'NVIDIA H100 80GB HBM3', totalBytes: Math.round(79.18 * GIB) };

interface Case {
  version?: string | null;
  name?: string | null;
  config?: Record<string, unknown> | null;
  gpus?: { name?: string | null; totalBytes: number; freeBytes?: number | null }[];
  options?: PlanOptions;
  over?: Partial<PlanRequest>;
}

const requestFor = ({ version, name, config, gpus, options, over }: Case): PlanRequest => ({
  engine: 'vllm',
  engineVersion: version === undefined ? '0.19.1' : version,
  model: { name: name ?? null, config: config ?? null },
  gpus: (gpus ?? [rtx4090]).map((gpu) => ({ memory: 'dedicated' as const, ...gpu })),
  options: options ?? {},
  ...over,
});
const planFor = (one: Case) => planVllm(requestFor(one));
const gib = (bytes: number | null | undefined): number => (bytes ?? NaN) / GIB;
const near = (value: number, wanted: number, by: number): void => {
  assert.ok(
    Math.abs(value - wanted) <= by,
    `${String(value)} is not ${String(wanted)} ± ${String(by)}`,
  );
};

describe('vLLM plan: KV arithmetic of a given pool', () => {
  const pool = (gigabytes: number, length: number): PlanOptions => ({
    kvCacheMemoryBytes: gigabytes * GIB,
    maxModelLen: length,
  });

  it('counts a dense model to the block', () => {
    const { kvCache } = planFor({ config: llama8b, options: pool(20, 131072), gpus: [h100] });
    assert.deepEqual(
      [kvCache.blocks, kvCache.tokens, kvCache.maxConcurrency, kvCache.bytesPerToken],
      [10240, 163840, 1.25, 131072],
    );
    assert.equal(kvCache.longestThatFits, 131072);
    assert.equal(kvCache.totalBytes, 20 * GIB);
  });

  it('says the longest context where the length asked for does not fit', () => {
    const answer = planFor({ config: llama8b, options: pool(10, 131072), gpus: [h100] });
    assert.equal(answer.kvCache.longestThatFits, 81920);
    assert.equal(answer.verdict, 'doesNotFit');
  });

  it('divides heads by tensor parallel and replicates them beyond their number', () => {
    const gpus = Array.from({ length: 16 }, () => h100);
    const at = (tp: number) =>
      planFor({
        config: llama8b,
        gpus,
        options: { ...pool(20, 131072), tensorParallelSize: tp },
      }).kvCache;
    assert.equal(at(4).blocks, 40960);
    assert.equal(at(16).blocks, 81920);
    assert.equal(at(16).bytesPerToken, 16384);
  });

  it('reserves windows and tokens in flight by version', () => {
    const at = (version: string, tokens: number) =>
      planFor({
        version,
        config: gemma3_27b,
        gpus: [h100],
        options: { ...pool(40, 131072), maxNumBatchedTokens: tokens },
      }).kvCache.tokens;
    // Golden: 424,487 with two batches in flight, 459,354 with one; ≥ 0.26 and dense is V2: two.
    assert.equal(at('0.28.0', 2048), 424487);
    assert.equal(at('0.28.0', 16384), 205796);
    assert.equal(at('0.25.1', 2048), 459354);
    // ≤ 0.20 logs blocks // groups × 16.
    assert.equal(at('0.19.1', 2048), Math.floor(32768 / 7) * 16);
    // No hybrid manager: 62 full layers, 496 KiB per token.
    assert.equal(at('0.9.0', 2048), Math.floor((40 * GIB) / (62 * 131072)) * 16);
  });

  it('keeps one latent vector on every rank', () => {
    const gpus = Array.from({ length: 8 }, () => h100);
    const options = { ...pool(30, 163840), tensorParallelSize: 8 };
    const plain = planFor({ version: '0.28.0', config: deepseekV3, gpus, options }).kvCache;
    assert.deepEqual([plain.blocks, plain.tokens, plain.blockSize], [28649, 458384, 16]);
    const dcp = planFor({
      version: '0.28.0',
      config: deepseekV3,
      gpus,
      options: { ...options, decodeContextParallelSize: 8 },
    }).kvCache;
    assert.equal(dcp.tokens, 3667072);
  });

  it('aligns attention blocks to the recurrent state', () => {
    const at = (prefix: boolean) =>
      planFor({
        version: '0.28.0',
        config: qwen3Next,
        gpus: [h100],
        options: { ...pool(20, 262144), enablePrefixCaching: prefix },
      }).kvCache;
    assert.deepEqual([at(true).blocks, at(true).tokens, at(true).blockSize], [1606, 862711, 544]);
    assert.equal(at(false).tokens, 868047);
  });

  it('takes one block for the null block from 0.29 on', () => {
    const exactly = { kvCacheMemoryBytes: 4 * GIB, maxModelLen: 32768 };
    const at = (version: string) =>
      planFor({ version, config: llama8b, gpus: [h100], options: exactly });
    assert.equal(at('0.28.0').kvCache.longestThatFits, 131072 / 4);
    assert.equal(at('0.29.0').kvCache.longestThatFits, 32768 - 16);
    assert.equal(at('0.29.0').verdict, 'doesNotFit');
  });

  it('knows the KV dtypes', () => {
    const at = (kvCacheDtype: string) =>
      planFor({ config: llama8b, gpus: [h100], options: { ...pool(20, 131072), kvCacheDtype } })
        .kvCache.blocks;
    assert.equal(at('fp8'), 20480);
    assert.equal(at('fp8_per_token_head'), 19859);
    assert.equal(at('int4_per_token_head'), 38550);
    assert.equal(at('nvfp4'), 36408);
    assert.equal(at('turboquant_k8v4'), 26749);
  });

  it('needs no GPU for it, but has no verdict then', () => {
    const answer = planFor({ config: llama8b, gpus: [], options: pool(20, 131072) });
    assert.equal(answer.kvCache.blocks, 10240);
    assert.equal(answer.verdict, 'unknown');
  });
});

describe('vLLM plan: what fits', () => {
  it('does not fit 14B in 16 bit on 24 GB, and advises 4 bit, which does', () => {
    const options = { maxModelLen: 8192 };
    const answer = planFor({ name: 'Qwen/Qwen2.5-14B-Instruct', config: qwen14b, options });
    assert.equal(answer.verdict, 'doesNotFit');
    near((answer.perGpu[0]?.weightsBytes ?? 0) / 1e9, 29.5, 0.3);
    const advice = answer.advice.find((one) => one.id === 'quantize-bitsandbytes');
    assert.equal(advice?.verdictAfter, 'fits');
    const after = planFor({
      name: 'Qwen/Qwen2.5-14B-Instruct',
      config: qwen14b,
      options: { ...options, ...advice.change },
    });
    assert.equal(after.verdict, 'fits');
    near((after.perGpu[0]?.weightsBytes ?? 0) / 1e9, 9.9, 0.3);
    assert.ok((advice.savesBytes ?? 0) > 19e9);
  });

  it('says what each version needs for bitsandbytes', () => {
    const advice = (version: string) =>
      planFor({ version, config: qwen14b, options: { maxModelLen: 4096 } }).advice.find(
        (one) => one.id === 'quantize-bitsandbytes',
      );
    assert.equal(advice('0.8.1')?.change.loadFormat, 'bitsandbytes');
    assert.equal(advice('0.10.2')?.change.loadFormat, undefined);
    assert.match(advice('0.28.0')?.why ?? '', /vllm-bnb-plugin/);
  });

  it('offers no FP8 to a card without it, and no 4 bit to a quantized checkpoint', () => {
    const gpus = [{ name: 'NVIDIA GeForce RTX 3090', totalBytes: 25769803776 }];
    const ids = planFor({ config: qwen14b, gpus }).advice.map((one) => one.id);
    assert.ok(!ids.includes('quantize-fp8') && !ids.includes('fp8-kv-cache'));
    const awq = {
      ...qwen14b,
      quantization_config: { quant_method: 'awq', bits: 4, group_size: 128 },
    };
    const small = [{ name: 'NVIDIA GeForce RTX 3060', totalBytes: 8 * GIB }];
    const quantized = planFor({ config: awq, gpus: small }).advice.map((one) => one.id);
    assert.ok(!quantized.some((id) => id.startsWith('quantize')));
  });

  it('splits over the GPUs given', () => {
    const gpus = [rtx4090, rtx4090];
    const answer = planFor({ config: qwen14b, gpus, options: { maxModelLen: 8192 } });
    const advice = answer.advice.find((one) => one.id === 'tensor-parallel');
    assert.equal(advice?.change.tensorParallelSize, 2);
    assert.equal(advice.verdictAfter, 'fits');
  });

  it('does not fit where GPUs are missing or heads cannot be divided', () => {
    const two = planFor({ config: llama8b, options: { tensorParallelSize: 2 } });
    assert.equal(two.verdict, 'doesNotFit');
    const gpus = [h100, h100, h100];
    const three = planFor({ config: llama8b, gpus, options: { tensorParallelSize: 3 } });
    assert.equal(three.verdict, 'doesNotFit');
  });

  it('puts embeddings and layers on the pipeline stages that hold them', () => {
    const gpus = [h100, h100];
    const { perGpu, kvCache } = planFor({
      config: llama8b,
      gpus,
      options: { pipelineParallelSize: 2, maxModelLen: 8192 },
    });
    assert.equal(perGpu.length, 2);
    near(gib(perGpu[0]?.weightsBytes), 7.48, 0.05);
    assert.equal(kvCache.bytesPerToken, 65536);
  });

  it('refuses by the start check what the memory free now does not hold', () => {
    const gpus = [{ ...rtx4090, freeBytes: 17 * GIB }];
    const at = (version: string, share: number) =>
      planFor({
        version,
        config: llama8b,
        gpus,
        options: { gpuMemoryUtilization: share, maxModelLen: 2048 },
      });
    assert.equal(at('0.19.1', 0.9).verdict, 'doesNotFit');
    assert.equal(at('0.19.1', 0.9).utilization?.largest, 0.7);
  });

  it('leaves the check out where free memory is not known, and says so', () => {
    const answer = planFor({ config: llama8b, options: { maxModelLen: 4096 } });
    assert.equal(answer.verdict, 'fits');
    assert.equal(answer.utilization?.largest, null);
    assert.ok(answer.steps.some((step) => step.includes('left out')));
  });

  it('answers unknown without GPU, or without anything to go on', () => {
    assert.equal(planFor({ config: llama8b, gpus: [] }).verdict, 'unknown');
    const nothing = planFor({});
    assert.equal(nothing.verdict, 'unknown');
    assert.equal(nothing.basis, 'default');
  });

  it('bounds a model known by its name alone', () => {
    const answer = planFor({ name: 'someone/model-70B-chat' });
    assert.equal(answer.basis, 'name');
    assert.equal(answer.verdict, 'doesNotFit');
    assert.equal(answer.kvCache.blocks, null);
  });

  it('never trusts a broken config', () => {
    for (const config of [
      { num_hidden_layers: -3, hidden_size: 4096 },
      { num_hidden_layers: 1e12, hidden_size: 1e12, vocab_size: 1e15 },
      { num_hidden_layers: '32', hidden_size: null },
      { layer_types: ['full_attention'], num_hidden_layers: 1 },
    ]) {
      const answer = planFor({ config });
      assert.notEqual(answer.verdict, 'fits', JSON.stringify(config));
    }
  });

  it('keeps what is reserved for Ollama, and the head room', () => {
    const gpus = [{ ...rtx4090, freeBytes: 23 * GIB }];
    const options = { gpuMemoryUtilization: 0.8, maxModelLen: 4096 };
    const plan = (ollama: number, buffer: number) =>
      planFor({
        config: llama8b,
        gpus,
        options,
        over: {
          coexistence: { ollamaReservationBytes: ollama * GIB, safetyBufferBytes: buffer * GIB },
        },
      }).verdict;
    assert.equal(plan(0, 0), 'fits');
    assert.equal(plan(0, 3.6), 'tight');
    assert.equal(plan(8, 0), 'doesNotFit');
  });

  it('keeps it only on the cards named, and finds the room on another', () => {
    const gpus = [0, 1].map(() => ({ ...rtx4090, freeBytes: 23 * GIB }));
    const onCard = (place: number, visibleDevices: number[] | null) =>
      planFor({
        config: llama8b,
        gpus,
        options: { gpuMemoryUtilization: 0.8, maxModelLen: 4096, visibleDevices },
        over: {
          coexistence: {
            ollamaReservationBytes: 8 * GIB,
            safetyBufferBytes: 0,
            ollamaBytesPerGpu: [0, 0].with(place, 8 * GIB),
            ollamaReason: 'it runs there',
          },
        },
      });
    assert.equal(onCard(1, null).verdict, 'fits');
    assert.equal(onCard(1, [1]).verdict, 'doesNotFit');
    const refused = onCard(0, null);
    assert.equal(refused.verdict, 'doesNotFit');
    assert.ok(refused.steps.includes('Kept for Ollama: 8.00 GiB (it runs there)'));
    assert.ok(refused.advice.some(({ id }) => id === 'use-gpu-1'));
  });

  it('warns of a share that takes what is kept, though vLLM would not refuse it', () => {
    const request = requestFor({
      config: llama8b,
      gpus: [{ name: null, totalBytes: 24 * GIB, freeBytes: 20 * GIB }],
      over: { coexistence: { ollamaReservationBytes: 6 * GIB, safetyBufferBytes: 0 } },
    });
    const check = startCheck(request, 0.75, null);
    assert.deepEqual([check?.passes, check?.refuses, check?.suggested], [false, false, 0.55]);
    assert.match(
      check?.sentence ?? '',
      / = 17\.69 GiB wanted, 14\.00 GiB free beside 6\.00 GiB kept for Ollama: choose 0\.55 or free 3\.69 GiB$/,
    );
    assert.equal(startCheck(request, 0.85, null)?.refuses, true);
    assert.equal(startCheck(request, 0.55, null)?.passes, true);
  });
});

describe('vLLM plan: utilization', () => {
  it('takes the default of the version', () => {
    const effective = (version: string | null) =>
      planFor({ version, config: llama8b }).utilization?.effective;
    assert.equal(effective('0.19.1'), 0.9);
    assert.equal(effective('0.20.0'), 0.92);
    assert.equal(effective(null), 0.92);
    assert.equal(planFor({ version: null, config: llama8b }).engineVersion, NEWEST_VLLM);
    assert.equal(planFor({ version: '0.40.1', config: llama8b }).engineVersion, '0.40.1');
  });

  it('holds one full-length request under auto, and fits', () => {
    const options = { gpuMemoryUtilization: 0, maxModelLen: 8192 };
    const gpus = [{ ...rtx4090, freeBytes: 23 * GIB }];
    const answer = planFor({ config: llama8b, gpus, options });
    assert.equal(answer.utilization?.rule, 'exact');
    assert.equal(answer.verdict, 'fits');
    assert.ok((answer.kvCache.maxConcurrency ?? 0) >= 1);
    const { smallest, recommended, largest, effective } = answer.utilization;
    assert.equal(effective, recommended);
    assert.ok((smallest ?? 9) <= (recommended ?? 0) && (recommended ?? 9) <= (largest ?? 0));
    const four = planFor({ config: llama8b, gpus, options: { ...options, maxNumSeqs: 4 } });
    assert.ok((four.kvCache.maxConcurrency ?? 0) >= 4);
  });

  it('recommends nothing where what is free now is less than the model needs', () => {
    const at = (share: number) =>
      planFor({
        config: llama8b,
        gpus: [{ ...rtx4090, freeBytes: 17 * GIB }],
        options: { gpuMemoryUtilization: share, maxModelLen: 32768 },
      });
    const { smallest, largest, recommended, effective } = at(0).utilization ?? {};
    assert.ok((smallest ?? 0) > (largest ?? 1), `${String(smallest)} against ${String(largest)}`);
    assert.equal(recommended, null);
    assert.ok((effective ?? 0) > 0 && (effective ?? 9) <= (largest ?? 0));
    const ids = at(0.9).advice.map((advice) => advice.id);
    assert.ok(!ids.includes('lower-utilization'), ids.join());
    const full = planFor({ name: 'model-3B', gpus: [{ ...rtx4090, freeBytes: 0 }] });
    assert.equal(full.utilization?.recommended, null);
  });

  it('starts at the smallest value and not one step below', () => {
    const gpus = [{ ...rtx4090, freeBytes: 23 * GIB }];
    const at = (share: number) =>
      planFor({
        config: llama8b,
        gpus,
        options: { maxModelLen: 8192, gpuMemoryUtilization: share },
      });
    const smallest = at(0.9).utilization?.smallest ?? 0;
    assert.ok((at(smallest).kvCache.maxConcurrency ?? 0) >= 1);
    assert.ok((at(smallest - 0.01).kvCache.maxConcurrency ?? 9) < 1);
  });

  it('uses the name rule under auto with a name alone', () => {
    const gpus = [{ name: null, totalBytes: 23.5 * GIB }];
    const answer = planFor({
      name: 'model-3B',
      gpus,
      options: { gpuMemoryUtilization: 0, maxModelLen: 4096 },
    });
    assert.deepEqual([answer.utilization?.rule, answer.utilization?.effective], ['name', 0.58]);
  });

  it('leaves to Ollama what is kept for it, by the name rule too', () => {
    const at = (share: number, freeGib: number | null, keptGib = 0) =>
      planFor({
        name: 'model-7B',
        gpus: [
          {
            totalBytes: 23.5 * GIB,
            freeBytes: freeGib === null ? null : Math.round(freeGib * GIB),
          },
        ],
        options: { gpuMemoryUtilization: share, maxModelLen: 8192 },
        over: { coexistence: { ollamaReservationBytes: keptGib * GIB, safetyBufferBytes: GIB } },
      });
    assert.equal(at(0, null).utilization?.effective, 0.95);
    assert.equal(at(0, 23.5).utilization?.effective, 0.95);
    for (const kept of [0, 4, 8]) {
      const { utilization, steps } = at(0, 20, kept);
      // as product and rule say it: free / total, rounded down
      assert.equal(utilization?.effective, Math.floor(((20 - kept) / 23.5) * 100) / 100);
      assert.match(steps.join('\n'), /0\.95, taken down to 0\.\d\d by what is free for it/);
    }
    assert.ok((at(0, null, 8).utilization?.effective ?? 9) <= 15.5 / 23.5);
  });

  it('leaves the head room, by the name rule too', () => {
    const { utilization } = planFor({
      name: 'model-7B',
      gpus: [{ totalBytes: 23.5 * GIB, freeBytes: 20 * GIB }],
      options: { gpuMemoryUtilization: 0.5, maxModelLen: 8192 },
      over: { coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: 2 * GIB } },
    });
    assert.equal(utilization?.rule, 'name');
    assert.equal(utilization.recommended, utilization.beside);
    assert.ok((utilization.beside ?? 9) < (utilization.largest ?? 0));
  });

  it('takes GB10 for a small card from 0.33 on, and samples leanly on runner V2 from 0.28 to 0.32', () => {
    const at = (version: string, config: Record<string, unknown>, name = 'NVIDIA GB10') =>
      planFor({ version, config, gpus: [{ name, totalBytes: 121.5 * GIB, freeBytes: null }] });
    const wordsOf = (version: string) => at(version, llama8b).steps.join(' ');
    assert.match(wordsOf('0.32.0'), /1,024 sequences .* 8,192 batched/);
    assert.match(wordsOf('0.33.0'), /256 sequences .* 2,048 batched/);
    const activationOf = (version: string) =>
      at(version, llama8b, 'NVIDIA H100 NVL').perGpu[0]?.activationBytes ?? 0;
    // 12 bytes per logit before and after, 6 between, beside hidden states that live on
    assert.ok(activationOf('0.28.0') < 0.8 * activationOf('0.24.0'));
    assert.ok(activationOf('0.33.0') > 1.2 * activationOf('0.32.0'));
  });

  it('counts what others hold to the largest share where the version bills it to this server', () => {
    const at = (version: string) =>
      planFor({
        version,
        config: llama8b,
        gpus: [{ totalBytes: 80 * GIB, freeBytes: 60 * GIB }],
        options: { maxModelLen: 4096 },
      });
    const [billed, checked] = [at('0.8.5').utilization, at('0.10.2').utilization];
    assert.ok((checked?.largest ?? 1) < 0.8);
    assert.ok((billed?.largest ?? 0) > 0.95);
    // 20 GiB of others, 16 GiB of weights
    assert.ok((billed?.smallest ?? 0) > 0.45 && (checked?.smallest ?? 1) < 0.35);
    assert.equal(at('0.8.5').verdict, 'fits');
  });

  it('takes a board total down to what CUDA sees', () => {
    const board = planFor({ config: llama8b, gpus: [{ totalBytes: 24564 * 2 ** 20 }] });
    near(gib(board.perGpu[0]?.budgetBytes), 0.9 * 23.53, 0.01);
    const wsl = planFor({
      config: llama8b,
      gpus: [{ totalBytes: 24564 * 2 ** 20 }],
      over: { environment: { platform: 'wsl' } },
    });
    near(gib(wsl.perGpu[0]?.budgetBytes), 0.9 * 23.99, 0.01);
  });
});

describe('vLLM plan: the check of a share against what is free now', () => {
  const card = (freeGib: number | null) => ({
    name: null,
    totalBytes: Math.round(23.56 * GIB),
    freeBytes: freeGib === null ? null : Math.round(freeGib * GIB),
  });
  /** The server's own context is taken as 0.45 GiB on one card, as 0.65 GiB with tensor parallel. */
  const checkFor = (freeGib: number | null, smallest: number | null = null, one: Case = {}) =>
    startCheck(requestFor({ config: llama8b, gpus: [card(freeGib)], ...one }), 0.8, smallest);
  const headroom = (gibs: number): Case => ({
    over: { coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: gibs * GIB } },
  });

  it('warns with the arithmetic, and says who holds the memory where that is known', () => {
    const check = checkFor(17.88, 0.65);
    const sentence =
      '0.80 × 23.56 GiB = 18.85 GiB wanted, 17.88 GiB free: choose 0.70 (0.75 leaves 0.2 GiB) or free 0.97 GiB';
    assert.equal(check?.sentence, sentence);
    assert.equal(check.passes, false);
    assert.equal(check.refuses, true);
    assert.equal(checkFor(17.88, null, { version: '0.8.5' })?.refuses, false);
    const holder = 'PID 353996 holds 4.7 GiB: python3';
    assert.equal(startCheckSentence(check, holder), `${sentence} (${holder})`);
  });

  it('passes when enough is free, and is silent where free memory is unknown or nothing checks', () => {
    const check = checkFor(22);
    assert.equal(check?.passes, true);
    assert.equal(check.shortBytes, 0);
    assert.equal(check.sentence, '0.80 × 23.56 GiB = 18.85 GiB wanted, 22.00 GiB free');
    assert.equal(checkFor(null), null);
    const request = requestFor({ name: 'qwen3:8b', gpus: [card(1)] });
    assert.equal(startCheck({ ...request, engine: 'ollama' }, 0.8, null), null);
  });

  it('offers a finer share where the next step below would not start the model', () => {
    const check = checkFor(17.88, 0.72);
    assert.equal(check?.suggested, 0.73);
    assert.equal(check.next, null);
    assert.match(check.sentence, /: choose 0\.73 or free 0\.97 GiB$/);
    assert.equal(checkFor(17.88, 0.73)?.suggested, 0.73);
  });

  it('offers no share where none would start the model', () => {
    const check = checkFor(17.88, 0.78);
    assert.equal(check?.suggested, null);
    assert.equal(check.next, null);
    assert.match(
      check.sentence,
      /: free 0\.97 GiB or a smaller model: this one starts from 0\.78$/,
    );
    assert.match(checkFor(1)?.sentence ?? '', /1\.00 GiB free: free 17\.85 GiB$/);
  });

  it('counts the server’s own context, which is taken before the share', () => {
    const check = checkFor(19.1, 0.65);
    assert.equal(check?.passes, false);
    assert.match(
      check.sentence,
      /19\.10 GiB free, less what the server’s own context takes first: choose 0\.75 or free 0\.20 GiB$/,
    );
    assert.equal(checkFor(19.3, 0.65)?.passes, true);
  });

  it('leaves the head room with the step it offers, but not where only a finer share starts', () => {
    assert.equal(checkFor(17.88, 0.6, headroom(0.5))?.suggested, 0.7);
    const check = checkFor(17.88, 0.6, headroom(1.5));
    assert.match(check?.sentence ?? '', /choose 0\.65 \(0\.70 leaves 1\.4 GiB\)/);
    assert.equal(checkFor(17.88, 0.7, headroom(1.5))?.suggested, 0.73);
  });

  it('names the card that lacks most, and offers what passes on every card', () => {
    const gpus = [card(17.88), card(4)];
    const check = checkFor(null, null, { gpus, options: { tensorParallelSize: 2 } });
    assert.equal(check?.gpu, 1);
    near(gib(check.shortBytes), 0.8 * 23.56 - 4, 1e-6);
    assert.match(check.sentence, /^GPU 1: 0\.80 × .* 4\.00 GiB free: choose 0\.10 /);
    const small = { name: null, totalBytes: 8 * GIB, freeBytes: GIB };
    const unequal = checkFor(null, null, {
      gpus: [card(10), small],
      options: { tensorParallelSize: 2 },
    });
    assert.equal(unequal?.gpu, 0);
    assert.equal(unequal.suggested, null);
  });

  it('takes what CUDA sees of a board, as the steps do', () => {
    const gpus = [{ totalBytes: 24564 * 2 ** 20, freeBytes: 6 * GIB }];
    const options = { gpuMemoryUtilization: 0.85, maxModelLen: 8192 };
    const answer = planFor({ config: llama8b, gpus, options });
    const request = requestFor({ config: llama8b, gpus, options });
    const check = startCheck(request, 0.85, answer.utilization?.smallest ?? null);
    assert.match(
      check?.sentence ?? '',
      /^0\.85 × 23\.53 GiB = 20\.00 GiB wanted, 6\.00 GiB free: /,
    );
    assert.ok(answer.steps.includes(check?.sentence ?? ''), answer.steps.join('\n'));
    assert.match(
      startCheck(request, 0.725, null)?.sentence ?? '',
      /^0\.725 × 23\.53 GiB = 17\.06 GiB/,
    );
  });

  it('checks the default where a fixed pool drops the flag, and a share that is given all the same', () => {
    const shareFor = (options: PlanOptions) => checkFor(17.88, null, { options })?.utilization;
    assert.equal(shareFor({ kvCacheMemoryBytes: GIB }), 0.9);
    assert.equal(shareFor({ kvCacheMemoryBytes: GIB, gpuMemoryUtilization: 0.8 }), 0.8);
  });
});

describe('vLLM plan: learned', () => {
  const outcome = {
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: 'someone/llama',
    gpuName: rtx4090.name,
    options: { maxModelLen: 8192 },
    result: 'ready',
    causeId: null,
    facts: { weightsBytes: 16e9, activationBytes: 1e9, nonTorchBytes: 5e7, graphBytes: 4e8 },
  };
  const planned = (
    learned: Record<string, unknown>[],
    options: PlanOptions = { maxModelLen: 8192 },
  ) => planFor({ name: 'someone/llama', config: llama8b, options, over: { learned } });

  it('takes measured parts over', () => {
    const answer = planned([outcome]);
    assert.equal(answer.basis, 'learned');
    assert.equal(answer.perGpu[0]?.weightsBytes, 16e9);
    assert.equal(answer.perGpu[0].activationBytes, 1e9);
    assert.equal(answer.perGpu[0].graphBytes, 4e8);
  });

  it('only where the settings they depend on agree', () => {
    const answer = planned([outcome], { maxModelLen: 8192, quantization: 'fp8' });
    assert.equal(answer.basis, 'config');
    const seqs = planned([outcome], { maxModelLen: 8192, maxNumSeqs: 8 });
    assert.equal(seqs.perGpu[0]?.weightsBytes, 16e9);
    assert.notEqual(seqs.perGpu[0].activationBytes, 1e9);
  });

  it('passes over what it cannot read', () => {
    const answer = planned([
      { engine: 'vllm' },
      { model: 7 },
      { ...outcome, model: 'other/model' },
    ]);
    assert.equal(answer.basis, 'config');
  });

  it('does not call settings a fit that ran out of memory here', () => {
    const failed = { ...outcome, result: 'failed', causeId: 'oom_cuda_graph_capture', facts: null };
    assert.equal(planned([]).verdict, 'fits');
    assert.equal(planned([failed]).verdict, 'tight');
    const again = planned([
      failed,
      { ...failed, options: { maxModelLen: 8192, enforceEager: true } },
    ]);
    const unchanged = again.advice.find((one) => one.change.enforceEager === true);
    assert.notDeepEqual(unchanged?.change, { enforceEager: true });
  });
});
