import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { answerWish } from '../../../src/app/planService';
import { newServer } from '../../../src/app/newServer';
import { settingDefaults, type Settings } from '../../../src/app/settings';
import { snapshotOf } from '../../../src/app/snapshot';
import { initialState, type AppState } from '../../../src/app/state';
import { addressOf } from '../../../src/engines/ollama/address';
import { snapshotSchema, type Snapshot } from '../../../src/shared/protocol';
import { shellCommand } from '../../../src/shared/shellText';
import { GIB } from '../../../src/shared/units';
import type { Wish } from '../../../src/shared/wish';
import { commandGroups } from '../../../webview/commandText';
import { factsFor, priceWish } from '../../../webview/planning';

const MODEL = 'Qwen/Qwen3-8B';
const FREE_PORT = 8003;

const settings: Settings = {
  ...settingDefaults(),
  'vllm.extraArguments': ['--seed', '7', '--swap-space', '2'],
  'vllm.environment': { HF_HUB_OFFLINE: '1', MY_NOTE: "it's mine" },
  'ollama.host': 'http://127.0.0.1:12345/',
};

const machine = (wish: Wish): AppState => {
  const state = initialState(wish);
  const gpu = {
    index: 0,
    name: 'NVIDIA GeForce RTX 4090',
    uuid: null,
    busId: null,
    totalBytes: 23.56 * GIB,
    usedBytes: 2 * GIB,
    freeBytes: 21.3 * GIB,
    reservedBytes: null,
    utilizationPercent: null,
    temperatureC: null,
    powerW: null,
    powerLimitW: null,
    memory: 'dedicated',
    computeCapability: '8.9',
    driverVersion: null,
  } as const;
  return {
    ...state,
    gpu: { ...state.gpu, status: 'ok', sample: { gpus: [gpu], processes: [], problems: [] } },
    engines: {
      vllm: { found: true, file: '/opt/my env/bin/vllm', version: '0.11.0' },
      ollama: { found: true, file: '/usr/local/bin/ollama', version: '0.12.6' },
    },
    model: {
      id: MODEL,
      facts: { name: MODEL, weightsBytes: 16_381_470_720, parameterCount: 8_190_735_360 },
      longestContext: 40960,
      problem: null,
    },
  };
};

/** As the page gets it: through the message, parsed. */
const snapshotFor = (state: AppState): Snapshot =>
  z.parse(
    snapshotSchema,
    structuredClone(snapshotOf(state, settings, { nowMs: 0, trusted: true, port: FREE_PORT })),
  );

const vllmWish: Wish = {
  engine: 'vllm',
  model: MODEL,
  options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192 },
  extraArguments: ['--max-log-len', '100'],
  port: null,
};

/** The port that the host takes for a wish: see `prepareVllm` and Ollama's `prepare`. */
const hostPort = (wish: Wish): number =>
  wish.engine === 'vllm' ? (wish.port ?? FREE_PORT) : addressOf(settings['ollama.host']).port;

const wishes: Readonly<Record<string, Wish>> = {
  'vLLM on any port': vllmWish,
  'vLLM on a fixed port': { ...vllmWish, port: 9001 },
  'vLLM with the share left to the planner': {
    ...vllmWish,
    options: { gpuMemoryUtilization: 0, maxModelLen: 4096, enforceEager: true },
  },
  'vLLM with quantization, of a model known by its name only': {
    ...vllmWish,
    model: 'Qwen/Qwen3-14B',
    options: { gpuMemoryUtilization: 0.9, quantization: 'bitsandbytes', maxNumSeqs: 8 },
  },
  'vLLM with a tool parser of its own': {
    ...vllmWish,
    extraArguments: ['--tool-call-parser', 'pythonic'],
  },
  'Ollama at the address of the settings': {
    engine: 'ollama',
    model: 'qwen3:8b',
    options: { numCtx: 16384, numParallel: 2, kvCacheType: 'q8_0', flashAttention: true },
    extraArguments: [],
    port: 9001,
  },
};

describe('the command on the page', () => {
  for (const [title, wish] of Object.entries(wishes)) {
    it(`is the one that the host runs: ${title}`, () => {
      const state = machine(wish);
      const snapshot = snapshotFor(state);
      const { command } = answerWish(
        state,
        settings,
        wish,
        factsFor(wish, snapshot),
        hostPort(wish),
      );
      const priced = priceWish(wish, snapshot);
      assert.deepEqual(priced.command, command);
      assert.equal(commandGroups(priced.command).join(' '), shellCommand(command));
    });
  }

  it('has the settings’ arguments before the wish’s own, so that the wish wins', () => {
    const { args } = priceWish(vllmWish, snapshotFor(machine(vllmWish))).command;
    assert.deepEqual(args.slice(-6), ['--seed', '7', '--swap-space', '2', '--max-log-len', '100']);
  });
});

describe('what the page is told of servers', () => {
  const withPlan = (plannedBytesPerGpu: number[]): number | null | undefined => {
    const server = {
      ...newServer({
        id: 'a',
        title: 'a',
        wish: vllmWish,
        command: { file: 'vllm', args: [], env: {} },
        host: '127.0.0.1',
        port: 8000,
        servedModelName: 'a',
        startedAtMs: 0,
        simulated: false,
      }),
      plannedBytesPerGpu,
    };
    return snapshotFor({ ...machine(vllmWish), servers: [server] }).servers[0]?.plannedBytes;
  };

  it('sums the plan over the GPUs', () => {
    assert.equal(withPlan([3 * GIB, 4 * GIB]), 7 * GIB);
  });

  it('keeps an unknown plan apart from none', () => {
    assert.equal(withPlan([]), null);
    assert.equal(withPlan([0]), null);
  });
});
