import assert from 'node:assert/strict';
import { commandForShowing, redactArguments, redactText } from '../../../src/processes/redact';

describe('redact', () => {
  it('hides secrets in every form they are given', () => {
    const args = [
      'vllm',
      'serve',
      'm',
      '--api-key',
      'abc',
      'def',
      '--port',
      '8000',
      '--hf-token=xyz',
      '--token',
      '1234',
      'HF_TOKEN=qwe',
      '--header',
      'Authorization: Bearer eyJ0',
      'sk-abcdefgh1234',
      'hf_ABCDEFGHIJKL',
      'https://me:pass@host/v1?api_key=k1',
    ];
    const line = redactArguments(args).join(' ');
    for (const secret of [
      'abc',
      'def',
      'xyz',
      '1234',
      'qwe',
      'eyJ0',
      'sk-abcdefgh',
      'hf_ABC',
      'pass@',
      'k1',
    ])
      assert.ok(!line.includes(secret), `${secret} in ${line}`);
    assert.ok(line.includes('--port 8000') && line.includes('host/v1'));
  });

  it('leaves counts of tokens and ordinary words alone', () => {
    const args = [
      'vllm',
      'serve',
      '/models/tokens',
      '--max-num-batched-tokens',
      '8192',
      '--tokenizer',
      'my/tok',
      '--num-speculative-tokens=5',
      '{"max_tokens": 12}',
    ];
    assert.deepEqual(redactArguments(args), args);
    assert.equal(redactText('tokenizer: x'), 'tokenizer: x');
  });

  it('shows one line, and the short name of what has no arguments', () => {
    assert.equal(commandForShowing([], 'python'), '[python]');
    assert.equal(commandForShowing(['a', 'b\nc'], 'a'), 'a b c');
    assert.equal(commandForShowing(['x'.repeat(500)], 'x', 10).length, 10);
  });
});
