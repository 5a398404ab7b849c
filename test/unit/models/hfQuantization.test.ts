import assert from 'node:assert/strict';
import { readQuantization } from '../../../src/models/hfQuantization';

describe('hfQuantization', () => {
  it('reads the methods by their own keys', () => {
    const bitsOf = (config: unknown): unknown => {
      const read = readQuantization(config);
      return read && [read.method, read.bits, read.groupSize];
    };
    assert.deepEqual(bitsOf({ quant_method: 'awq', bits: 4, group_size: 128 }), ['awq', 4, 128]);
    assert.deepEqual(bitsOf({ quant_method: 'gptq', bits: 8, group_size: -1 }), ['gptq', 8, null]);
    assert.deepEqual(bitsOf({ quant_method: 'fp8', weight_block_size: [128, 128] }), [
      'fp8',
      8,
      null,
    ]);
    assert.deepEqual(bitsOf({ quant_method: 'mxfp4' }), ['mxfp4', 4, null]);
    assert.deepEqual(bitsOf({ load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }), [
      'bitsandbytes',
      4,
      null,
    ]);
    assert.deepEqual(
      bitsOf({
        quant_method: 'compressed-tensors',
        format: 'pack-quantized',
        config_groups: { group_0: { weights: { num_bits: 4, group_size: 64, type: 'int' } } },
      }),
      ['compressed-tensors', 4, 64],
    );
    assert.deepEqual(
      bitsOf({ producer: { name: 'modelopt' }, quantization: { quant_algo: 'NVFP4' } }),
      ['modelopt', 4, null],
    );
    assert.deepEqual(bitsOf({ quant_algo: 'FP8' }), ['modelopt', 8, null]);
  });

  it('keeps what stays in 16 bit, and the KV cache that the checkpoint asks for', () => {
    const read = readQuantization({
      quant_method: 'compressed-tensors',
      ignore: ['lm_head', 're:.*gate$'],
      kv_cache_scheme: { num_bits: 8, type: 'float' },
    });
    assert.deepEqual(read?.ignore, ['lm_head', 're:.*gate$']);
    assert.equal(read.kvCacheFp8, true);
    const modelopt = readQuantization({ quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8' });
    assert.equal(modelopt?.kvCacheFp8, true);
    assert.equal(readQuantization({ quant_method: 'fp8' })?.kvCacheFp8, false);
    const double = { quant_method: 'bitsandbytes', bnb_4bit_use_double_quant: true };
    assert.equal(readQuantization(double)?.doubleQuant, true);
  });

  it('keeps the schemes of single groups, and what GPTQModel leaves alone', () => {
    const read = readQuantization({
      quant_method: 'gptq',
      bits: 4,
      dynamic: { '-:.*visual.*': {}, '+:.*down_proj.*': { bits: 8, group_size: 64 } },
    });
    assert.deepEqual(read?.ignore, ['re:.*visual.*']);
    assert.deepEqual(read.schemes, [
      { targets: ['re:.*down_proj.*'], bits: 8, groupSize: 64, isFloat: null },
    ]);
    const quark = readQuantization({
      quant_method: 'quark',
      exclude: ['lm_head'],
      global_quant_config: { weight: { dtype: 'fp4', group_size: 32 } },
    });
    assert.deepEqual(
      [quark?.bits, quark?.schemes[0]?.isFloat, quark?.ignore],
      [4, true, ['lm_head']],
    );
  });

  it('answers null where no method can be told', () => {
    for (const bad of [null, {}, [], 'awq', { bits: 4 }, { quant_method: 4 }])
      assert.equal(readQuantization(bad), null);
  });
});
