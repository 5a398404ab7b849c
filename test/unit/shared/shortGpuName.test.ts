import assert from 'node:assert/strict';
import { shortGpuName } from '../../../src/shared/shortGpuName';

describe('shortGpuName', () => {
  const names: readonly (readonly [string, string])[] = [
    ['NVIDIA GeForce RTX 4090', 'RTX 4090'],
    ['NVIDIA RTX 6000 Ada Generation', 'RTX 6000 Ada'],
    ['NVIDIA H100 80GB HBM3', 'H100 80GB HBM3'],
    ['AMD Radeon RX 7900 XTX', 'RX 7900 XTX'],
    ['AMD Instinct MI300X', 'MI300X'],
    ['Intel(R) Arc(TM) A770 Graphics', 'Arc A770 Graphics'],
    ['Apple M4 Max', 'Apple M4 Max'],
    ['AMD Radeon(TM) Graphics', 'AMD Radeon(TM) Graphics'],
    ['AMD GPU [0x744c]', 'GPU [0x744c]'],
  ];
  for (const [name, short] of names)
    it(`says ${short} for ${name}`, () => {
      assert.equal(shortGpuName(name), short);
    });
});
