import assert from 'node:assert/strict';
import {
  changedWish,
  optionsInArguments,
  optionsWith,
} from '../../../../src/engines/vllm/argumentOptions';

describe('options in vLLM arguments', () => {
  it('are read in every form that vLLM takes, the last one counts', () => {
    assert.deepEqual(
      optionsInArguments([
        '-tp',
        '2',
        '--max_model_len=8k',
        '--max-num-seqs',
        '16',
        '--max-num-seqs=32',
        '--no-enable-prefix-caching',
        '--enforce-eager',
        '--kv-cache-dtype',
        'fp8',
        '--kv-cache-memory-bytes',
        '1G',
        '--gpu-memory-utilization',
        '0.5',
        '--speculative-config',
        '{"method": "ngram", "num_speculative_tokens": 3}',
      ]),
      {
        tensorParallelSize: 2,
        maxModelLen: 8000,
        maxNumSeqs: 32,
        enablePrefixCaching: false,
        enforceEager: true,
        kvCacheDtype: 'fp8',
        kvCacheMemoryBytes: 2 ** 30,
        gpuMemoryUtilization: 0.5,
        speculativeConfig: { method: 'ngram', num_speculative_tokens: 3 },
      },
    );
  });

  it('leave out what is none, or has no value that could be meant', () => {
    for (const args of [
      [],
      ['--seed', '1'],
      ['--max-model-len'],
      ['--max-model-len', 'auto'],
      ['--max-num-seqs', '-1'],
      ['--gpu-memory-utilization', '7'],
      ['--speculative-config', '[1]'],
      ['--no-max-model-len'],
      ['max-model-len', '5'],
    ])
      assert.deepEqual(optionsInArguments(args), {}, args.join(' '));
  });

  it('hold a share beside a fixed pool only where the command will', () => {
    const options = { gpuMemoryUtilization: 0.7, maxNumSeqs: 8 };
    const pool = ['--kv-cache-memory-bytes', '1G'];
    const fixed = { maxNumSeqs: 8, kvCacheMemoryBytes: 2 ** 30 };
    assert.deepEqual(optionsWith(options, pool), fixed);
    assert.deepEqual(optionsWith({ ...fixed, gpuMemoryUtilization: 0.7 }, []), fixed);
    const both = [...pool, '--gpu-memory-utilization=0.5'];
    assert.deepEqual(optionsWith(options, both), { ...fixed, gpuMemoryUtilization: 0.5 });
  });

  it('give way to a change, a fixed pool to a share', () => {
    const extraArguments = ['--kv-cache-memory-bytes', '1G', '--seed', '1', '--max-num-seqs=4'];
    const wish = { engine: 'vllm' as const, model: 'm', options: {}, extraArguments, port: null };
    assert.deepEqual(changedWish(wish, { gpuMemoryUtilization: 0.8, maxNumSeqs: 2 }), {
      ...wish,
      options: { gpuMemoryUtilization: 0.8, maxNumSeqs: 2 },
      extraArguments: ['--seed', '1'],
    });
  });
});
