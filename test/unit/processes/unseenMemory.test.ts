import assert from 'node:assert/strict';
import { blindSpots, unseenBytes } from '../../../src/processes/unseenMemory';
import { FakeProcessTable } from '../../support/fakeProcessTable';

const GIB = 2 ** 30;
const card = { index: 0, name: 'NVIDIA L40S', usedBytes: 10 * GIB, memory: 'dedicated' as const };
const row = (usedBytes: number | null, gpus = [0]) => ({ pid: 7, usedBytes, name: null, gpus });

describe('unseenBytes', () => {
  it('is what no listed process accounts for', () => {
    assert.equal(unseenBytes(card, [row(3 * GIB), row(4 * GIB), row(9 * GIB, [1])]), 3 * GIB);
    assert.equal(unseenBytes(card, []), 10 * GIB);
  });

  it('is unknown where a figure is missing, or memory is shared with the system', () => {
    assert.equal(unseenBytes(card, [row(null)]), null);
    assert.equal(unseenBytes(card, [row(GIB, [0, 1])]), null);
    assert.equal(unseenBytes({ ...card, usedBytes: null }, []), null);
    assert.equal(unseenBytes({ ...card, name: 'NVIDIA GH200 480GB' }, []), null);
    assert.equal(unseenBytes({ ...card, memory: 'unified' }, []), null);
    assert.equal(unseenBytes({ ...card, cudaBytes: 24 * GIB }, [row(GIB)]), null);
  });

  it('is not worth a word where it is small', () => {
    assert.equal(unseenBytes(card, [row(9.7 * GIB)]), null);
    assert.equal(unseenBytes(card, [row(11 * GIB)]), null);
  });
});

describe('blindSpots', () => {
  const table = new FakeProcessTable();
  const init = table.add({ pid: 1, ppid: 0, uid: 0 });
  const me = table.add({ pid: 50 });
  const self = { uid: 1000, protectedPids: [50], inContainer: false };

  it('has nothing to say where everything can be seen', () => {
    assert.deepEqual(blindSpots(self, [init, me]), []);
  });

  const places: readonly (readonly [string, RegExp, Parameters<typeof blindSpots>])[] = [
    ['a container', /--pid=host/, [{ ...self, inContainer: true }, [init, me]]],
    ['WSL', /wsl --shutdown/, [{ ...self, inContainer: true, system: 'wsl' }, [init, me]]],
    ['macOS', /macOS does not tell/, [{ ...self, system: 'mac' }, [init, me]]],
    ['Windows', /Task Manager/, [{ ...self, uid: null, system: 'windows' }, [me]]],
    ['hidden processes', /hidepid/, [self, [me]]],
    ['an unknown system', /cannot be read/, [self, []]],
  ];
  for (const [place, words, given] of places)
    it(`names what would show more in ${place}`, () => {
      const [sentence, ...more] = blindSpots(...given);
      assert.match(sentence ?? '', words);
      assert.deepEqual(more, []);
    });
});
