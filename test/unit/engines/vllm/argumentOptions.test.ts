import assert from 'node:assert/strict';
import { optionsInArguments } from '../../../../src/engines/vllm/argumentOptions';

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
});
