import assert from 'node:assert/strict';
import { readShape, type GgufShape } from '../../../../src/planner/ollama/ggufShape';

const base = { block_count: 8, embedding_length: 2048, head_count: 16, head_count_kv: 4 };

function shapeOf(gguf: Record<string, unknown>): GgufShape {
  const shape = readShape({ ...base, ...gguf });
  assert.ok(shape);
  return shape;
}

const kinds = (gguf: Record<string, unknown>): string =>
  shapeOf(gguf)
    .layers.map(({ kind }) => kind[0])
    .join('');

const stateBytes = (gguf: Record<string, unknown>): number[] =>
  shapeOf(gguf).layers.map((layer) => layer.stateBytes);

const MAMBA = {
  ssm_inner_size: 4096,
  ssm_state_size: 128,
  ssm_conv_kernel: 4,
  ssm_group_count: 1,
};
const MAMBA_BYTES = 4 * (128 * 4096 + 3 * (4096 + 2 * 128));

describe('readShape', () => {
  it('knows which layers slide where the file says no more than a window', () => {
    const window = { sliding_window: 1024 };
    assert.equal(kinds({ architecture: 'gemma3', ...window }), 'sssssfss');
    assert.equal(kinds({ architecture: 'smallthinker', ...window }), 'fsssfsss');
    assert.equal(kinds({ architecture: 'phi3', ...window }), 'ffffffff');
    assert.equal(kinds({ architecture: 'lfm2', ...window }), 'ssssssss');
    assert.equal(shapeOf({ architecture: 'llama4' }).slidingWindow, 8192);
    assert.equal(kinds({ architecture: 'llama4' }), 'sssfsssf');
    assert.equal(kinds({ architecture: 'exaone4', ...window }), 'ffffffff');
    const large = readShape({ ...base, architecture: 'exaone4', block_count: 64, ...window });
    assert.equal(large?.layers.filter(({ kind }) => kind === 'full').length, 16);
  });

  it('takes the number of full layers, where it differs from the habit, as spread evenly', () => {
    const counted = { architecture: 'gemma3', sliding_window: 1024, full_layers: 2, swa_layers: 6 };
    assert.equal(kinds(counted), 'sssfsssf');
  });

  it('tells state, attention, both and neither apart', () => {
    const heads = [0, 0, 4, 0, 0, 0, 4, 0];
    assert.equal(kinds({ architecture: 'mamba2', ...MAMBA }), 'rrrrrrrr');
    assert.equal(kinds({ architecture: 'jamba', ...MAMBA, head_count_kv: heads }), 'rrfrrrfr');
    const forward = [0, 9, 0, 9, 0, 9, 0, 9];
    assert.equal(
      kinds({
        architecture: 'nemotron_h',
        ...MAMBA,
        head_count_kv: heads,
        feed_forward_length: forward,
      }),
      'rnfnrnfn',
    );
    assert.equal(kinds({ architecture: 'qwen3next', ...MAMBA }), 'rrrfrrrf');
    assert.equal(
      kinds({ architecture: 'qwen35', ...MAMBA, full_attention_interval: 2 }),
      'rfrfrfrf',
    );
    const listed = [true, false, true, true, true, true, true, false];
    assert.equal(kinds({ architecture: 'qwen35', ...MAMBA, recurrent_layers: listed }), 'rfrrrrrf');
    assert.equal(kinds({ architecture: 'falcon-h1', ...MAMBA }), 'ffffffff');
    assert.deepEqual(
      stateBytes({ architecture: 'falcon-h1', ...MAMBA }),
      Array(8).fill(MAMBA_BYTES),
    );
  });

  it('keeps nothing for blocks that draft or that share', () => {
    const hybrid = { architecture: 'qwen35', ...MAMBA, block_count: 9, nextn_predict_layers: 1 };
    assert.equal(kinds(hybrid), 'rrrfrrrfn');
    assert.equal(shapeOf(hybrid).draftBlocks, 1);
    assert.equal(kinds({ architecture: 'gemma4', shared_kv_layers: 3 }), 'fffffnnn');
    const gemma3n = { architecture: 'gemma3n', block_count: 22, sliding_window: 512 };
    assert.equal(kinds(gemma3n), 'ssssfssssfssssfssssfnn');
  });

  it('counts the state of RWKV, Kimi and short convolutions', () => {
    const one = (gguf: Record<string, unknown>): number | undefined => stateBytes(gguf)[0];
    assert.equal(one({ architecture: 'rwkv7', wkv_head_size: 64 }), 4 * 2048 * (64 + 2));
    const zero = Array<number>(8).fill(0);
    const kimi = { architecture: 'kimi-linear', kda_head_dim: 128, ssm_conv_kernel: 4 };
    assert.equal(one({ ...kimi, head_count_kv: zero }), 4 * 2048 * (128 + 9));
    const lfm2 = { architecture: 'lfm2', shortconv_l_cache: 3, head_count_kv: zero };
    assert.equal(one(lfm2), 4 * 2048 * 2);
  });

  it('gives cross-attention its pictures, whatever the context', () => {
    const mllama = { architecture: 'mllama', cross_attention_layers: [3, 7] };
    assert.equal(kinds(mllama), 'fffrfffr');
    assert.equal(stateBytes(mllama)[3], 4 * 4 * 1601 * 4 * 256);
  });
});
