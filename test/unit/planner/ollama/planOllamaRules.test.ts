/** Rules that hold for some architectures, versions or names only. */
import assert from 'node:assert/strict';
import { planOllama } from '../../../../src/planner/ollama/planOllama';
import type { Plan } from '../../../../src/shared/planAnswer';
import { GIB, MIB } from '../../../../src/shared/units';
import { askedOfOllama, type OllamaAsked } from '../../../support/ollamaPlans';

const plan = (asked: OllamaAsked): Plan =>
  planOllama(askedOfOllama({ version: '0.33.0', ...asked }));

const kvMib = (answer: Plan): number => (answer.kvCache.totalBytes ?? NaN) / MIB;
const graphMib = (answer: Plan): number => (answer.perGpu[0]?.graphBytes ?? NaN) / MIB;
const said = (answer: Plan, pattern: RegExp): boolean =>
  answer.steps.some((step) => pattern.test(step));

const GPT_OSS = {
  architecture: 'gptoss',
  block_count: 24,
  embedding_length: 2880,
  head_count: 64,
  head_count_kv: 8,
  key_length: 64,
  value_length: 64,
  context_length: 131072,
  sliding_window: 128,
  vocab_size: 201088,
  feed_forward_length: 2880,
  expert_count: 32,
  expert_used_count: 4,
  fileBytes: 13_780_154_624,
};

const QWEN3_MOE = {
  architecture: 'qwen3moe',
  block_count: 48,
  embedding_length: 2048,
  head_count: 32,
  head_count_kv: 4,
  key_length: 128,
  value_length: 128,
  context_length: 262144,
  vocab_size: 151936,
  feed_forward_length: 6144,
  expert_count: 128,
  expert_used_count: 8,
  expert_feed_forward_length: 768,
  fileBytes: 18_556_685_856,
};

const BERT = {
  architecture: 'nomic-bert',
  block_count: 12,
  embedding_length: 768,
  head_count: 12,
  context_length: 2048,
  vocab_size: 30522,
  feed_forward_length: 3072,
  pooling_type: 1,
  fileBytes: 274_290_656,
};

describe('planOllama for embedding models', () => {
  it('gives them one slot and a batch for a whole input, and an encoder no K/V', () => {
    const answer = plan({ gguf: BERT, options: { numParallel: 4 } });
    assert.equal(answer.verdict, 'fits');
    assert.equal(kvMib(answer), 0);
    assert.equal(answer.kvCache.maxConcurrency, 1);
    // 15 widths a token and a mask of 2048 × 2048, as a real llama.cpp prints for this shape
    assert.equal(Math.round(graphMib(answer)), 98);
    // no head: the vocabulary's table stays in RAM
    const weights = answer.perGpu[0]?.weightsBytes ?? NaN;
    assert.ok(weights < 274_290_656 - 30522 * 768 * 1.5);
  });

  it('knows that a Gemma 3 that pools is one, and a Qwen 3 that pools keeps its K/V', () => {
    const gemma = {
      architecture: 'gemma3',
      block_count: 24,
      embedding_length: 768,
      head_count: 3,
      head_count_kv: 1,
      key_length: 256,
      value_length: 256,
      sliding_window: 512,
      context_length: 2048,
      fileBytes: 6.2e8,
    };
    assert.equal(kvMib(plan({ gguf: { ...gemma, pooling_type: 1 } })), 0);
    assert.ok(kvMib(plan({ gguf: gemma })) > 0);
    assert.ok(kvMib(plan({ gguf: { ...gemma, architecture: 'qwen3', pooling_type: 3 } })) > 0);
  });

  it('takes a name alone for what it says', () => {
    const bare = plan({ name: 'nomic-embed-text', gpus: [4] });
    assert.deepEqual([bare.verdict, bare.basis, kvMib(bare)], ['fits', 'default', 0]);
    assert.ok(kvMib(plan({ name: 'qwen3-embedding:8b' })) > 0);
  });
});

describe("planOllama on Ollama's own engine", () => {
  const gemma4 = {
    architecture: 'gemma4',
    block_count: 30,
    embedding_length: 2816,
    head_count: 16,
    head_count_kv: 2,
    key_length: 512,
    value_length: 512,
    head_count_kv_swa: 8,
    key_length_swa: 256,
    value_length_swa: 256,
    swa_layers: 25,
    full_layers: 5,
    sliding_window: 1024,
    context_length: 262144,
    fileBytes: 18e9,
  };

  it('keeps no more of a sliding layer than the context', () => {
    const at = (numCtx: number): number =>
      kvMib(plan({ gguf: gemma4, version: '0.20.2', gpus: [80], options: { numCtx } }));
    const mib = (full: number, sliding: number): number =>
      (2 * (5 * full * 2 * 1024 + 25 * sliding * 8 * 512)) / MIB;
    assert.equal(at(32768), mib(32768, 4096 + 512));
    assert.equal(at(4096), mib(4096, 4096));
  });

  it('keeps the chunks of Llama 4 in full, as llama-server does not', () => {
    const gguf = {
      architecture: 'llama4',
      block_count: 48,
      embedding_length: 5120,
      head_count: 40,
      head_count_kv: 8,
      context_length: 10485760,
      fileBytes: 67e9,
    };
    const asked = { gguf, gpus: [200], options: { numCtx: 32768 } };
    assert.equal(kvMib(plan({ ...asked, version: '0.20.2' })), 6144);
    assert.ok(kvMib(plan(asked)) < 3500);
  });

  it('turns flash attention on by architecture and release', () => {
    const on = (gguf: Record<string, unknown>, version: string): boolean =>
      said(plan({ gguf, version }), /^Flash attention on/);
    assert.equal(on(GPT_OSS, '0.11.7'), false);
    assert.equal(on(GPT_OSS, '0.11.8'), true);
    assert.equal(on(QWEN3_MOE, '0.12.3'), false);
    assert.equal(on(QWEN3_MOE, '0.12.4'), true);
    assert.equal(on({ ...QWEN3_MOE, architecture: 'llama' }, '0.20.2'), false);
  });
});

describe('planOllama for mixtures of experts from 0.30 on', () => {
  it('leaves experts in RAM before anything else', () => {
    const answer = plan({ gguf: QWEN3_MOE, gpus: [12], options: { numCtx: 32768 } });
    assert.equal(answer.verdict, 'doesNotFit');
    // all of K and V, attention and the head are on the card
    assert.equal(answer.perGpu[0]?.kvCacheBytes, answer.kvCache.totalBytes);
    const { layersOnGpu = 0, layersTotal = 0, hostBytes = 0 } = answer.offload ?? {};
    assert.ok(layersOnGpu > 0 && layersOnGpu < layersTotal);
    assert.ok(Number(hostBytes) + (answer.perGpu[0].weightsBytes ?? 0) > QWEN3_MOE.fileBytes);
    assert.ok(said(answer, /experts stay in RAM/));
    // what was told by an older server: whole layers
    const older = plan({
      gguf: QWEN3_MOE,
      gpus: [12],
      version: '0.20.2',
      options: { numCtx: 32768 },
    });
    assert.ok((older.perGpu[0]?.kvCacheBytes ?? NaN) < (older.kvCache.totalBytes ?? NaN));
  });

  it('reads how much of a block they are, where the header says', () => {
    const blocks = Array<number>(48).fill(0.36 * GIB);
    const layers = (expertShare: number): number | undefined =>
      plan({
        gguf: {
          ...QWEN3_MOE,
          layer_bytes: blocks,
          expert_bytes: blocks.map((bytes) => expertShare * bytes),
          output_bytes: 0.2 * GIB,
        },
        gpus: [12],
      }).offload?.layersOnGpu;
    // where most of each layer is no expert, there is no room for one whole layer but the head
    assert.ok((layers(0.95) ?? 0) > 20);
    assert.equal(layers(0.3), 1);
  });

  it('is not slower for experts than a token reads', () => {
    const answer = plan({ gguf: { ...QWEN3_MOE, expert_used_count: null }, gpus: [12] });
    assert.ok(!answer.steps.some((step) => /Infinity|NaN/.test(step)));
  });
});

describe('planOllama without what decides', () => {
  it('bounds the size by the shape, whatever the name', () => {
    const { fileBytes, ...gguf } = QWEN3_MOE;
    for (const name of [undefined, 'mine:latest']) {
      const [low = NaN, high = NaN] =
        plan({ gguf, gpus: [400], ...(name ? { name } : {}) }).ranges.weightsBytes ?? [];
      assert.ok(low < fileBytes && fileBytes < high, name);
    }
  });

  it('takes small models and effective sizes for larger than their number', () => {
    const bytes = (name: string): readonly number[] => plan({ name }).ranges.weightsBytes ?? [];
    // qwen3:1.7b is 1.4 GB, gemma3:1b 0.8 GB; of gemma3n:e4b 4 to 5 GB are on the card
    for (const [name, real] of [
      ['qwen3:1.7b', 1.4e9],
      ['gemma3:1b', 0.815e9],
      ['gemma3n:e4b', 4.6e9],
    ] as const) {
      const [low = NaN, high = NaN] = bytes(name);
      assert.ok(low < real && real < high, name);
    }
  });

  it('refuses a K/V type that does not divide the heads, and does not propose it', () => {
    const gguf = {
      architecture: 'phi2',
      block_count: 32,
      embedding_length: 2560,
      head_count: 32,
      context_length: 2048,
      fileBytes: 1.6e9,
    };
    const quantized = plan({ gguf, options: { kvCacheType: 'q8_0' } });
    assert.equal(quantized.verdict, 'doesNotFit');
    assert.ok(said(quantized, /blocks of 32/));
    assert.deepEqual(
      quantized.advice.map(({ change }) => change),
      [{ kvCacheType: 'f16' }],
    );
    const small = plan({ gguf, gpus: [2] });
    assert.ok(!small.advice.some(({ id }) => id.startsWith('kv-cache')));
  });
});
