import assert from 'node:assert/strict';
import { planOllama } from '../../../../src/planner/ollama/planOllama';
import type { Plan } from '../../../../src/shared/planAnswer';
import type { PlanRequest } from '../../../../src/shared/planRequest';
import { GIB, MIB } from '../../../../src/shared/units';
import { llama8bGguf } from '../../../fixtures/planner/ggufs';
import { askedOfOllama, type OllamaAsked } from '../../../support/ollamaPlans';

/** Gemma 3 4B: five full layers, the rest with a window. */
const GEMMA_4B = {
  architecture: 'gemma3',
  block_count: 34,
  embedding_length: 2560,
  head_count: 8,
  head_count_kv: 4,
  key_length: 256,
  value_length: 256,
  context_length: 131072,
  sliding_window: 1024,
  vocab_size: 262144,
  feed_forward_length: 10240,
  fileBytes: 3_338_000_000,
};

const plan = (asked: OllamaAsked): Plan => planOllama(askedOfOllama(asked));

const kvMib = (answer: Plan): number => (answer.kvCache.totalBytes ?? NaN) / MIB;

describe('planOllama', () => {
  it('fits an 8B model on 24 GB with every layer on the GPU', () => {
    const answer = plan({ gguf: llama8bGguf, options: { numCtx: 8192 } });
    assert.equal(answer.verdict, 'fits');
    assert.equal(answer.basis, 'gguf');
    assert.deepEqual(answer.offload?.perGpu, [33]);
    assert.equal(kvMib(answer), 1024);
    assert.equal(answer.kvCache.tokens, 8192);
    assert.equal(answer.kvCache.bytesPerToken, 131072);
    assert.deepEqual(answer.advice, []);
    const [gpu] = answer.perGpu;
    assert.ok(gpu);
    const parts = [gpu.weightsBytes, gpu.kvCacheBytes, gpu.graphBytes, gpu.nonTorchBytes];
    const budget = parts.reduce<number>((sum, part) => sum + (part ?? NaN), 0);
    assert.equal(gpu.budgetBytes, budget);
    assert.equal(gpu.leftBytes, 24 * GIB - budget);
  });

  it('never fits when Ollama would put layers on the CPU', () => {
    const answer = plan({ gguf: llama8bGguf, gpus: [6], options: { numCtx: 32768 } });
    assert.equal(answer.verdict, 'doesNotFit');
    const { layersOnGpu = 0, layersTotal = 0, hostBytes } = answer.offload ?? {};
    assert.ok(layersOnGpu > 0 && layersOnGpu < layersTotal);
    assert.ok((hostBytes ?? 0) > GIB);
    assert.match(answer.steps.join('\n'), /would run the rest on the CPU/);
  });

  it('counts every slot, and quantized K/V with its scales', () => {
    const four = plan({ gguf: llama8bGguf, options: { numCtx: 2048, numParallel: 4 } });
    assert.equal(kvMib(four), 1024);
    assert.equal(four.kvCache.tokens, 8192);
    const q8 = plan({ gguf: llama8bGguf, options: { numCtx: 8192, kvCacheType: 'q8_0' } });
    assert.equal(kvMib(q8), 544);
    const q4 = plan({ gguf: llama8bGguf, options: { numCtx: 8192, kvCacheType: 'q4_0' } });
    assert.equal(kvMib(q4), 288);
  });

  it('keeps only the window of sliding layers', () => {
    const batch = { numCtx: 131072, numBatch: 512 };
    // Measured: 2560 MiB for five full layers and 174 MiB for 29 with 1536 cells.
    assert.equal(kvMib(plan({ gguf: GEMMA_4B, options: batch })), 2734);
    const old = plan({ gguf: GEMMA_4B, version: '0.6.2', options: batch });
    assert.equal(kvMib(old), 17408);
  });

  it('reads per-layer arrays, full key names and hybrids', () => {
    const hybrid = plan({
      gguf: {
        'general.architecture': 'qwen35',
        'qwen35.block_count': 64,
        'qwen35.embedding_length': 5120,
        'qwen35.attention.head_count': 24,
        'qwen35.attention.head_count_kv': 4,
        'qwen35.attention.key_length': 256,
        'qwen35.attention.value_length': 256,
        'qwen35.full_attention_interval': 4,
        'qwen35.ssm.conv_kernel': 4,
        'qwen35.ssm.inner_size': 6144,
        'qwen35.ssm.state_size': 128,
        'qwen35.ssm.group_count': 16,
        fileBytes: 17e9,
      },
      gpus: [48],
      options: { numCtx: 131072, kvCacheType: 'q8_0' },
    });
    assert.equal(kvMib(hybrid), 4352);
    // 48 recurrent layers with 149.6 MiB of state for the one slot.
    const state = ((hybrid.perGpu[0]?.kvCacheBytes ?? 0) - 4352 * MIB) / MIB;
    assert.ok(Math.abs(state - 149.6) < 0.1, String(state));
    const uneven = plan({
      gguf: {
        ...llama8bGguf,
        block_count: 4,
        head_count_kv: [8, 4, 4, 8],
        layer_bytes: [3e8, 1e8, 1e8, 3e8],
        token_embd_bytes: 2e8,
        output_bytes: 0,
      },
      options: { numCtx: 4096 },
    });
    assert.equal(uneven.kvCache.bytesPerToken, 24 * 512);
    assert.equal(uneven.perGpu[0]?.weightsBytes, 8e8 + 2e8);
    assert.deepEqual(uneven.ranges.weightsBytes, [1e9, 1e9]);
  });

  it('gives the compute buffers that were measured', () => {
    const graph = (
      gguf: Record<string, unknown>,
      version: string,
      options: PlanRequest['options'],
    ) => {
      const answer = plan({ gguf, version, options });
      return (answer.perGpu[0]?.graphBytes ?? NaN) / MIB;
    };
    const near = (ours: number, measured: number): void => {
      assert.ok(
        Math.abs(ours - measured) < 0.04 * measured,
        `${String(ours)}, ${String(measured)}`,
      );
    };
    const batch = (numCtx: number) => ({ numCtx, numBatch: 512, flashAttention: true });
    // 0.32.15: 16 layers of width 2048, feed-forward 8192.
    const small = {
      ...llama8bGguf,
      block_count: 16,
      embedding_length: 2048,
      key_length: 64,
      value_length: 64,
      feed_forward_length: 8192,
    };
    near(graph(small, '0.32.15', batch(4096)), 68.01);
    near(graph(GEMMA_4B, '0.32.15', batch(131072)), 203);
    // Logits for every row: 4 × 512 × (vocabulary + width).
    const llama32 = { ...llama8bGguf, embedding_length: 3072, vocab_size: 128256 };
    near(graph(llama32, '0.30.0', batch(4096)), 256.5);
    // Without flash attention the score matrix decides.
    near(graph(llama8bGguf, '0.30.0', { ...batch(8192), flashAttention: false }), 560);
  });

  it('says how much slower layers in RAM are likely to be, as a guess', () => {
    const steps = plan({ gguf: llama8bGguf, gpus: [4], options: { numCtx: 8192 } }).steps.join(
      '\n',
    );
    const times = /a guess .* That is ([\d.]+) to ([\d.]+) times as long/.exec(steps);
    assert.ok(times, steps);
    const [least, most] = [Number(times[1]), Number(times[2])];
    assert.ok(1 < least && least < most && most < 25);
    const fits = plan({ gguf: llama8bGguf, options: { numCtx: 8192 } }).steps.join('\n');
    assert.ok(!fits.includes('a guess'));
  });

  it('leaves out blocks that draft, and keeps them at the bad end', () => {
    const layerBytes = Array<number>(33).fill(100e6);
    const gguf = {
      ...llama8bGguf,
      block_count: 33,
      nextn_predict_layers: 1,
      layer_bytes: layerBytes,
      output_bytes: 0,
    };
    const answer = plan({ gguf, options: { numCtx: 4096 } });
    assert.deepEqual(answer.ranges.weightsBytes, [3.2e9, 3.3e9]);
    assert.equal(answer.perGpu[0]?.weightsBytes, 3.2e9);
    assert.equal(kvMib(answer), 512);
    assert.match(answer.steps.join('\n'), /draft tokens ahead/);
  });

  it('says where it is a guess which engine runs the model', () => {
    const guesses = (architecture: string, version: string): boolean =>
      plan({ gguf: { ...llama8bGguf, architecture }, version })
        .steps.join('\n')
        .includes('in this version is a guess');
    assert.ok(guesses('qwen3', '0.12.1'));
    assert.ok(!guesses('qwen3', '0.20.0'));
    assert.ok(!guesses('qwen3', '0.32.15'));
    assert.ok(!guesses('gptoss', '0.11.1'));
  });

  it('takes MLA as the file keeps it: expanded, or one latent vector', () => {
    const shape = {
      architecture: 'deepseek2',
      block_count: 61,
      embedding_length: 7168,
      head_count: 128,
      vocab_size: 129280,
      kv_lora_rank: 512,
      fileBytes: 400e9,
    };
    const expanded = plan({
      gguf: { ...shape, head_count_kv: 128, key_length: 192, value_length: 128 },
      options: { numCtx: 2048 },
    });
    assert.equal(kvMib(expanded), 9760);
    const latent = plan({
      gguf: { ...shape, head_count_kv: 1, key_length: 576, value_length: 512, key_length_mla: 192 },
      options: { numCtx: 2048 },
    });
    assert.equal(latent.kvCache.bytesPerToken, 61 * 576 * 2);
  });

  it('fills open options as that version does', () => {
    const context = (version: string, gib: number): number | null =>
      plan({ gguf: llama8bGguf, version, gpus: [gib] }).kvCache.atLength;
    assert.equal(context('0.5.13', 24), 2048);
    assert.equal(context('0.9.6', 24), 4096);
    assert.equal(context('0.32.15', 12), 4096);
    assert.equal(context('0.32.15', 24), 32768);
    // 262144 by tier, cut to what the model was trained for.
    assert.equal(context('0.32.15', 80), 131072);
    assert.equal(plan({ gguf: llama8bGguf, version: '0.9.6' }).kvCache.maxConcurrency, 2);
    assert.equal(
      plan({ gguf: llama8bGguf, version: '0.9.6', gpus: [6] }).kvCache.maxConcurrency,
      1,
    );
    assert.equal(plan({ gguf: llama8bGguf }).kvCache.maxConcurrency, 1);
  });

  it('does not start with a quantized V cache and flash attention off', () => {
    const options = { numCtx: 4096, kvCacheType: 'q8_0', flashAttention: false };
    const refused = plan({ gguf: llama8bGguf, options });
    assert.equal(refused.verdict, 'doesNotFit');
    assert.match(refused.steps.join('\n'), /needs flash attention/);
    assert.equal(refused.advice[0]?.verdictAfter, 'fits');
    // Before 0.30 the type was silently ignored.
    const ignored = plan({ gguf: llama8bGguf, version: '0.24.0', options });
    assert.equal(ignored.verdict, 'fits');
    assert.equal(kvMib(ignored), 512);
  });

  it('splits over several GPUs and uses one where that is enough', () => {
    const shape = { ...llama8bGguf, fileBytes: 16_100_000_000 };
    const both = plan({ gguf: shape, gpus: [12, 12], options: { numCtx: 8192 } });
    assert.equal(both.verdict, 'fits');
    assert.equal(both.offload?.layersOnGpu, 33);
    assert.ok(both.offload.perGpu.every((count) => count > 10));
    const one = plan({ gguf: llama8bGguf, gpus: [24, 24], options: { numCtx: 8192 } });
    assert.deepEqual(one.offload?.perGpu, [33, 0]);
  });

  it('gives advice that comes true when followed', () => {
    const asked: OllamaAsked = {
      gguf: llama8bGguf,
      gpus: [8],
      options: { numCtx: 65536, numParallel: 2 },
    };
    const answer = plan(asked);
    assert.equal(answer.verdict, 'doesNotFit');
    assert.ok(answer.advice.length >= 3);
    for (const { id, change, verdictAfter } of answer.advice) {
      const followed = plan({ ...asked, options: { ...asked.options, ...change } });
      assert.equal(followed.verdict, verdictAfter, id);
    }
    assert.ok(answer.advice.some(({ verdictAfter }) => verdictAfter !== 'doesNotFit'));
  });

  it('names the longest context that keeps every layer on the GPU', () => {
    const asked: OllamaAsked = { gguf: llama8bGguf, gpus: [12], options: { numCtx: 4096 } };
    const longest = plan(asked).kvCache.longestThatFits ?? 0;
    assert.ok(longest > 8192 && longest < 131072);
    const onGpu = (numCtx: number) => plan({ ...asked, options: { numCtx } }).offload?.layersOnGpu;
    assert.equal(onGpu(longest), 33);
    assert.ok((onGpu(longest + 512) ?? 0) < 33);
  });

  it('bounds what only a name tells, and says so', () => {
    const answer = plan({ name: 'llama3.1:8b', options: { numCtx: 8192 } });
    assert.equal(answer.basis, 'name');
    assert.equal(answer.verdict, 'fits');
    const [low = 0, high = 0] = answer.ranges.kvCacheBytes ?? [];
    assert.ok(low < GIB && high > GIB);
    assert.equal(plan({ name: 'llama3.1:70b' }).verdict, 'doesNotFit');
    assert.equal(plan({ name: 'something' }).basis, 'default');
    assert.equal(plan({}).verdict, 'unknown');
  });

  it('says that without a GPU the model runs on the CPU', () => {
    const answer = plan({ gguf: llama8bGguf, gpus: [] });
    assert.equal(answer.verdict, 'unknown');
    assert.match(answer.steps.join('\n'), /runs on the CPU/);
    assert.equal(answer.offload?.layersOnGpu, 0);
    assert.equal(answer.kvCache.longestThatFits, null);
  });

  it('takes a number of layers as given: tight where they fit, no fit where they overflow', () => {
    const some = plan({ gguf: llama8bGguf, options: { numCtx: 8192, numGpu: 10 } });
    assert.deepEqual([some.verdict, some.offload?.layersOnGpu], ['tight', 10]);
    const all = plan({ gguf: llama8bGguf, gpus: [4], options: { numCtx: 8192, numGpu: 99 } });
    assert.deepEqual([all.verdict, all.offload?.layersOnGpu], ['doesNotFit', 33]);
    const none = plan({ gguf: llama8bGguf, options: { numCtx: 8192, numGpu: 0 } });
    assert.deepEqual([none.verdict, none.offload?.layersOnGpu], ['doesNotFit', 0]);
    // Nothing on the GPU overflows nothing, but is not what was asked for.
    const options = { numCtx: 131_072, numGpu: 10 };
    const crowded = plan({ gguf: llama8bGguf, gpus: [1], options, version: '0.12.11' });
    assert.deepEqual([crowded.verdict, crowded.offload?.layersOnGpu], ['doesNotFit', 0]);
    assert.match(crowded.steps.join('\n'), /10 of 33 layers are asked .* no room/);
  });

  it('does not advise what saves memory but is a worse answer than before', () => {
    // Four layers, as asked, are tight; left to itself Ollama puts none on so small a card, which takes less.
    const asked = (numGpu: number): Plan =>
      plan({ gguf: llama8bGguf, gpus: [1.5], options: { numCtx: 4096, numGpu } });
    const bytes = ({ perGpu, offload }: Plan): number =>
      (perGpu[0]?.budgetBytes ?? NaN) + (offload?.hostBytes ?? NaN);
    assert.deepEqual([asked(4).verdict, asked(-1).verdict], ['tight', 'doesNotFit']);
    assert.ok(bytes(asked(-1)) < bytes(asked(4)));
    assert.ok(!asked(4).advice.some(({ id }) => id === 'automatic-layers'));
  });

  it('keeps to one of several cards while the prediction is small, and has more room with a longer context', () => {
    const gpus = new Array<number>(8).fill(7);
    const at = (numCtx: number): Plan =>
      plan({ name: 'llama3.1:8b', gpus, options: { numCtx, numBatch: 512 } });
    const cards = (answer: Plan): number =>
      answer.perGpu.filter((gpu) => (gpu.weightsBytes ?? 0) > 0).length;
    assert.deepEqual([at(4096).verdict, cards(at(4096))], ['tight', 1]);
    assert.deepEqual([at(16_384).verdict, cards(at(16_384))], ['fits', 8]);
    // The longer context is not "improved" into the shorter one.
    assert.deepEqual(at(16_384).advice, []);
  });

  it('plans with what an earlier load measured, and promises nothing that failed', () => {
    const asked = { gguf: llama8bGguf, name: 'llama3.1:8b', gpus: [8], options: { numCtx: 8192 } };
    const outcome = {
      engine: 'ollama',
      engineVersion: '0.32.7',
      model: 'llama3.1:8b',
      gpuName: null,
      options: { numCtx: 8192 },
      result: 'ready',
      causeId: null,
      facts: { weightsBytes: 4403 * MIB, graphBytes: 258 * MIB },
    };
    const learn = (learned: Record<string, unknown>[], more: Partial<OllamaAsked> = {}) =>
      planOllama({ ...askedOfOllama({ ...asked, ...more }), learned });
    const calibrated = learn([outcome]);
    assert.equal(calibrated.basis, 'learned');
    const parts = ({ perGpu: [gpu] }: Plan) => [gpu?.weightsBytes, gpu?.graphBytes];
    assert.deepEqual(parts(calibrated), [4403 * MIB, 258 * MIB]);
    assert.deepEqual(calibrated.ranges.weightsBytes, [4403 * MIB, 4403 * MIB]);
    const shorter = learn([outcome], { options: { numCtx: 4096 } });
    assert.equal(parts(shorter)[0], 4403 * MIB);
    assert.notEqual(parts(shorter)[1], 258 * MIB);
    const fine = { gpus: [12] };
    assert.equal(learn([], fine).verdict, 'fits');
    assert.equal(learn([{ ...outcome, result: 'degraded' }], fine).verdict, 'tight');
    for (const other of [{ model: 'qwen3:8b' }, { engineVersion: '0.24.0' }, { engine: 'vllm' }])
      assert.equal(learn([{ ...outcome, ...other }]).basis, 'gguf');
    assert.equal(learn([{ nonsense: 1 }]).basis, 'gguf');
  });

  it('has ranges that hold their own figures, and survives odd metadata', () => {
    for (const version of [null, '0.3.7', '0.9.6', '0.20.2', '0.30.0', '0.32.15'])
      for (const gguf of [
        llama8bGguf,
        GEMMA_4B,
        { block_count: 2 },
        { ...llama8bGguf, vocab_size: null, feed_forward_length: 'x' },
        { ...llama8bGguf, head_count: 0, head_count_kv: [] },
        { architecture: 'mamba', block_count: 48, embedding_length: 2048, ssm_inner_size: 4096 },
      ]) {
        const answer = plan({ gguf, version, gpus: [8, 16], options: { numCtx: 16384 } });
        for (const [part, [low, high]] of Object.entries(answer.ranges)) {
          assert.ok(low >= 0 && low <= high, `${part} ${String(low)} ${String(high)}`);
        }
        for (const gpu of answer.perGpu)
          for (const [part, value] of Object.entries(gpu))
            assert.ok(
              value === null || (Number.isInteger(value) && (part === 'leftBytes' || value >= 0)),
              `${part} ${String(value)}`,
            );
      }
  });

  it('plans fast enough for a slider and for streams of requests', () => {
    const asked = askedOfOllama({ gguf: llama8bGguf, gpus: [8], options: { numCtx: 65536 } });
    for (let i = 0; i < 300; i++) planOllama(asked);
    // Time of this process's own, so that a busy machine does not matter.
    const before = process.cpuUsage();
    for (let i = 0; i < 100; i++) planOllama(asked);
    const { user, system } = process.cpuUsage(before);
    const perSecond = 100e6 / (user + system);
    assert.ok(perSecond > 700, `${perSecond.toFixed(0)} plans a second`);
  });
});
