/** A calm machine with one 23.56 GiB card, and a plan on it; tests change what they are about. */
import type { GpuPlan, Plan } from '../../../src/shared/planAnswer';
import type { Snapshot } from '../../../src/shared/protocol';
import { GIB } from '../../../src/shared/units';

export const CARD_BYTES = 23.56 * GIB;

export const snapshot = (change: Partial<Snapshot> = {}): Snapshot => ({
  type: 'snapshot',
  protocolVersion: 1,
  simulated: false,
  trusted: true,
  sampleAgeMs: 0,
  gpus: [
    {
      index: 0,
      name: 'NVIDIA GeForce RTX 4090',
      totalBytes: CARD_BYTES,
      freeBytes: 22 * GIB,
      usedBytes: 1.56 * GIB,
      memory: 'dedicated',
    },
  ],
  holders: [],
  problems: [],
  models: [],
  model: null,
  engines: {
    vllm: { found: true, version: '0.11.0' },
    ollama: { found: true, version: '0.12.6' },
  },
  launch: {
    vllmFile: 'vllm',
    ollamaFile: 'ollama',
    host: '127.0.0.1',
    port: 8000,
    ollamaPort: 11434,
    extraArguments: [],
    environment: {},
  },
  servers: [],
  defaults: { utilization: 0.7, headroomBytes: GIB / 2 },
  coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: 0 },
  learned: [],
  wish: { engine: 'vllm', model: '', options: {}, extraArguments: [], port: null },
  wishRevision: 0,
  ...change,
});

export const gpuPlan = (change: Partial<GpuPlan> = {}): GpuPlan => ({
  index: 0,
  totalBytes: CARD_BYTES,
  freeBytes: 22 * GIB,
  budgetBytes: 0.8 * CARD_BYTES,
  weightsBytes: 14 * GIB,
  nonTorchBytes: 0.1 * GIB,
  activationBytes: 1.4 * GIB,
  graphBytes: 0,
  kvCacheBytes: 0.8 * CARD_BYTES - 15.5 * GIB,
  leftBytes: 22 * GIB - 0.8 * CARD_BYTES,
  ...change,
});

export const samplePlan = (change: Partial<Plan> = {}): Plan => ({
  verdict: 'fits',
  basis: 'headers',
  engineVersion: '0.11.0',
  perGpu: [gpuPlan()],
  kvCache: {
    totalBytes: 0.8 * CARD_BYTES - 15.5 * GIB,
    bytesPerToken: 147456,
    blockSize: 16,
    blocks: 1500,
    tokens: 24000,
    maxConcurrency: 2.9,
    atLength: 8192,
    longestThatFits: 24000,
  },
  utilization: { effective: 0.8, smallest: 0.72, largest: 0.93, recommended: 0.75, rule: 'exact' },
  offload: null,
  ranges: {},
  advice: [],
  steps: [],
  ...change,
});
