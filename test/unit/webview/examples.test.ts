import assert from 'node:assert/strict';
import { GIB } from '../../../src/shared/units';
import type { Snapshot } from '../../../src/shared/protocol';
import type { Wish } from '../../../src/shared/wish';
import { examplesFor } from '../../../webview/examples';
import { snapshot } from './samples';

const wish: Wish = {
  engine: 'vllm',
  model: '',
  options: { gpuMemoryUtilization: 0.7, maxModelLen: 8192 },
  extraArguments: [],
  port: null,
};
const keptForOllama = (gib: number): Snapshot =>
  snapshot({ coexistence: { ollamaReservationBytes: gib * GIB, safetyBufferBytes: GIB / 2 } });

describe('examples of a first run', () => {
  it('fit under the settings on the page, the largest first', () => {
    const examples = examplesFor(wish, snapshot());
    assert.ok(examples.length > 1);
    for (const { verdict, options } of examples) {
      assert.match(verdict, /fits|tight/);
      assert.equal(options, null);
    }
    const sizes = examples.map(({ name }) => Number(/-([\d.]+)B/.exec(name)?.[1]));
    assert.deepEqual(
      sizes,
      sizes.toSorted((a, b) => b - a),
    );
  });

  it('take another share with them where none fits under that on the page', () => {
    const examples = examplesFor(wish, keptForOllama(10.6));
    assert.ok(examples.length > 0);
    for (const { verdict, options } of examples) {
      assert.match(verdict, /fits|tight/);
      assert.equal(options?.maxModelLen, 8192);
      assert.ok((options.gpuMemoryUtilization ?? 1) <= 0.46, 'what is free beside Ollama');
    }
  });

  it('say that they do not fit where no share helps', () => {
    const examples = examplesFor(wish, keptForOllama(23));
    assert.ok(examples.length > 0);
    for (const { verdict, options } of examples) {
      assert.equal(verdict, 'doesNotFit');
      assert.equal(options, null);
    }
  });
});
