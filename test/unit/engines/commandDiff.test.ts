import assert from 'node:assert/strict';
import { commandDiff, flagChangeText } from '../../../src/engines/commandDiff';

const command = (text: string, env: Record<string, string> = {}) => ({
  file: 'vllm',
  args: text.split(' '),
  env,
});
const texts = (before: string, after: string) =>
  commandDiff(command(before), command(after)).map(flagChangeText);

describe('the difference of two commands', () => {
  it('is empty for the same', () => {
    assert.deepEqual(
      texts('serve m --port 1 --enforce-eager', 'serve m --enforce-eager --port 1'),
      [],
    );
  });

  it('names what changed, came and went', () => {
    assert.deepEqual(
      texts(
        'serve m --max-model-len 8192 --kv-cache-dtype fp8',
        'serve m --max-model-len 4096 --enforce-eager',
      ),
      ['--max-model-len 8192 → 4096', '+ --enforce-eager', '− --kv-cache-dtype fp8'],
    );
  });

  it('names variables of the environment as they are written', () => {
    const [before, after] = [command('serve m', { A: '1' }), command('serve m', { A: '2', B: '' })];
    assert.deepEqual(commandDiff(before, after).map(flagChangeText), ['A=1 → 2', '+ B=']);
  });

  it('sees values behind an equals sign, several values and positional words', () => {
    assert.deepEqual(texts('serve a --x=1 --y 1 2', 'serve b --x 2 --y 1 3'), [
      'argument 2 a → b',
      '--x 1 → 2',
      '--y 1 2 → 1 3',
    ]);
  });

  it('sees the environment', () => {
    assert.deepEqual(
      commandDiff(command('serve m'), command('serve m', { CUDA_VISIBLE_DEVICES: '1' })).map(
        flagChangeText,
      ),
      ['+ CUDA_VISIBLE_DEVICES=1'],
    );
  });
});
