import { noFacts } from '../../src/engines/startFacts';
import { serverOf } from './fakePorts';

const diagnosis = {
  engine: 'vllm' as const,
  engineVersion: '0.19.1',
  stage: 'kvCache' as const,
  result: 'failed' as const,
  cause: {
    id: 'kv_cache_too_small',
    title: 'not enough memory for the KV cache',
    evidence: [{ line: 12, text: 'ValueError: …' }],
  },
  remedy: { summary: 'Ask for less.', change: { maxModelLen: 4096 }, why: '4096 × 2 = 8192' },
  facts: noFacts,
};
/** A vLLM whose KV cache was too small, with a remedy. */
export const failedServer = serverOf({
  phase: 'ended',
  endReason: 'failed',
  diagnosis,
  exitCode: 1,
  stage: 'kvCache',
});
