import assert from 'node:assert/strict';
import {
  normalizeArguments,
  optionFlagTable,
  optionsFromFlags,
} from '../../../src/app/commands/optionFlags';
import { planOptionsSchema } from '../../../src/shared/planRequest';

const options = (flags: Record<string, string | boolean>) =>
  optionsFromFlags({ flags, positionals: [] });

describe('optionsFromFlags', () => {
  it('has a flag for every option of a request', () => {
    const flags = Object.keys(optionFlagTable).filter((flag) => !flag.startsWith('no-'));
    assert.equal(flags.length, Object.keys(planOptionsSchema.shape).length);
    for (const flag of ['max-model-len', 'kv-cache-dtype', 'num-ctx', 'flash-attention'])
      assert.ok(flags.includes(flag), flag);
  });

  it('reads numbers as vLLM does, switches and their negation, JSON and auto', () => {
    const read = options({
      'max-model-len': '8K',
      'max-num-batched-tokens': '8k',
      'gpu-memory-utilization': 'auto',
      'no-enable-prefix-caching': true,
      'enforce-eager': true,
      'limit-mm-per-prompt': '{"image":2}',
      'num-gpu': '-1',
      dtype: 'bfloat16',
    });
    assert.ok(read.ok);
    assert.deepEqual(read.value, {
      maxModelLen: 8192,
      maxNumBatchedTokens: 8000,
      gpuMemoryUtilization: 0,
      enablePrefixCaching: false,
      enforceEager: true,
      limitMmPerPrompt: { image: 2 },
      numGpu: -1,
      dtype: 'bfloat16',
    });
  });

  it('says which flag can’t be read', () => {
    const number = options({ 'max-num-seqs': 'few' });
    assert.ok(!number.ok);
    assert.match(number.failure.detail, /--max-num-seqs: found "few", expected a number/);
    const json = options({ 'speculative-config': '[1]' });
    assert.ok(!json.ok);
    assert.match(
      json.failure.detail,
      /--speculative-config: found "\[1\]", expected a JSON object/,
    );
  });
});

describe('normalizeArguments', () => {
  it('takes vLLM’s short forms, underscores and negative numbers', () => {
    assert.deepEqual(
      normalizeArguments([
        'my_model',
        '-tp',
        '2',
        '-pp=2',
        '--max_model_len=8k',
        '--num-gpu',
        '-1',
      ]),
      [
        'my_model',
        '--tensor-parallel-size',
        '2',
        '--pipeline-parallel-size=2',
        '--max-model-len=8k',
        '--num-gpu=-1',
      ],
    );
    assert.deepEqual(normalizeArguments(['-', '--json', '-y']), ['-', '--json', '-y']);
  });
});
