/** Records of starts that never were, for tests of learning. */
import type { Outcome } from '../../src/engines/diagnose';
import { noFacts } from '../../src/engines/startFacts';
import type { LaunchConditions, LearnedRecord } from '../../src/learning/learnedRecord';

const GIB = 2 ** 30;

export function outcomeWith(given: Partial<Outcome> = {}): Outcome {
  return {
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: 'Qwen/Qwen3-4B',
    gpuName: 'NVIDIA GeForce RTX 4090',
    options: { gpuMemoryUtilization: 0.7, maxModelLen: 8192 },
    result: 'ready',
    causeId: null,
    facts: {
      ...noFacts,
      weightsBytes: 7.6 * GIB,
      activationBytes: 0.5 * GIB,
      nonTorchBytes: 0.25 * GIB,
      kvCacheBytes: 9.8 * GIB,
      kvCacheTokens: 71_000,
      freeBytesAtStart: 22 * GIB,
    },
    ...given,
  };
}

export function recordWith(
  given: Partial<Omit<LearnedRecord, 'outcome'>> & { outcome?: Partial<Outcome> } = {},
): LearnedRecord {
  return {
    fingerprint: null,
    gpuTotalBytes: 24 * GIB,
    otherFlags: [],
    prediction: null,
    atMs: 1_800_000_000_000,
    simulated: false,
    ...given,
    outcome: outcomeWith(given.outcome),
  };
}

export function conditionsWith(given: Partial<LaunchConditions> = {}): LaunchConditions {
  return {
    model: { name: 'org/m', fingerprint: 'config:1' },
    gpu: { name: 'NVIDIA GeForce RTX 4090', totalBytes: 24 * GIB, freeBytes: 23 * GIB },
    options: { gpuMemoryUtilization: 0.7 },
    otherFlags: [],
    prediction: null,
    ...given,
  };
}
