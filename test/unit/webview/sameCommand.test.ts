import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { answerWish } from '../../../src/app/planning/planService';
import { newServer } from '../../../src/app/launching/newServer';
import { settingDefaults, type Settings } from '../../../src/app/settings';
import { snapshotOf } from '../../../src/app/snapshot';
import { initialState, type AppState, type Server } from '../../../src/app/state';
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
  'vLLM with planned options among the arguments': {
    ...vllmWish,
    extraArguments: [
      '--gpu-memory-utilization=0.6',
      '--max-model-len',
      '4k',
      '-tp',
      '1',
      '--enforce-eager',
    ],
  },
  'vLLM with a pool of fixed size among the arguments': {
    ...vllmWish,
    extraArguments: ['--kv-cache-memory-bytes', '4G', '-tp', '1'],
  },
  'vLLM on a model of another size, by arguments alone': {
    ...vllmWish,
    options: {},
    extraArguments: ['--quantization', 'fp8', '--kv-cache-dtype', 'fp8', '--max-num-seqs', '4'],
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
      const { command, ...answer } = answerWish(
        state,
        settings,
        wish,
        factsFor(wish, snapshot),
        hostPort(wish),
      );
      const priced = priceWish(wish, snapshot);
      assert.deepEqual(priced.command, command);
      assert.deepEqual(priced.plan, answer);
      assert.equal(commandGroups(priced.command).join(' '), shellCommand(command));
    });
  }

  it('gives no share where the arguments fix the pool, and the plan counts just that pool', () => {
    const fixed = { ...vllmWish, extraArguments: ['--kv-cache-memory-bytes', '4G'] };
    const snapshot = snapshotFor(machine(fixed));
    const { command, plan } = priceWish(fixed, snapshot);
    const host = answerWish(machine(fixed), settings, fixed, factsFor(fixed, snapshot), FREE_PORT);
    for (const { args } of [command, host.command])
      assert.deepEqual(
        args.filter((argument) => /utilization|cache-memory/.test(argument)),
        ['--kv-cache-memory-bytes'],
      );
    assert.equal(plan.perGpu[0]?.kvCacheBytes, 4 * GIB);
  });

  it('has the settings’ arguments before the wish’s own, so that the wish wins', () => {
    const { args } = priceWish(vllmWish, snapshotFor(machine(vllmWish))).command;
    assert.deepEqual(args.slice(-6), ['--seed', '7', '--swap-space', '2', '--max-log-len', '100']);
  });
});

describe('the plan on the page', () => {
  const planned = (wish: Wish) => priceWish(wish, snapshotFor(machine(wish))).plan;

  it('counts what stands in the extra arguments, as the engine does', () => {
    const byHand = planned({
      ...vllmWish,
      options: { gpuMemoryUtilization: 0.6, maxModelLen: 4000 },
    });
    const extraArguments = ['--gpu-memory-utilization', '0.6', '--max-model-len=4k'];
    const inArguments = planned({ ...vllmWish, extraArguments });
    assert.equal(inArguments.utilization?.effective, 0.6);
    assert.deepEqual(inArguments, byHand);
    assert.notDeepEqual(inArguments, planned(vllmWish));
  });

  it('takes a MIG slice for what CUDA sees of it, as the host does', () => {
    const state = machine(vllmWish);
    const whole = state.gpu.sample?.gpus[0];
    assert.ok(whole);
    const slice = {
      device: 0,
      gpuInstanceId: null,
      computeInstanceId: null,
      profile: '2g.20gb',
      uuid: null,
      totalBytes: 19.5 * GIB,
      usedBytes: 0,
      freeBytes: 19.5 * GIB,
    };
    const cut = {
      ...state,
      gpu: {
        ...state.gpu,
        sample: { gpus: [{ ...whole, migDevices: [slice] }], processes: [], problems: [] },
      },
    };
    const snapshot = snapshotFor(cut);
    const facts = factsFor(vllmWish, snapshot);
    const answer = answerWish(cut, settings, vllmWish, facts, FREE_PORT);
    assert.equal(snapshot.gpus[0]?.cudaBytes, 19.5 * GIB);
    const priced = priceWish(vllmWish, snapshot);
    assert.deepEqual({ ...priced.plan, command: priced.command }, answer);
  });
});

describe('what the page is told of servers', () => {
  const rowOf = (change: Partial<Server>) => {
    const server: Server = {
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
      ...change,
    };
    return snapshotFor({ ...machine(vllmWish), servers: [server] }).servers[0];
  };
  const withPlan = (plannedBytesPerGpu: number[]) => rowOf({ plannedBytesPerGpu })?.plannedBytes;

  it('sums the plan over the GPUs', () => {
    assert.equal(withPlan([3 * GIB, 4 * GIB]), 7 * GIB);
  });

  it('keeps an unknown plan apart from none', () => {
    assert.equal(withPlan([]), null);
    assert.equal(withPlan([0]), null);
  });

  it('has use and fill of the pool as figures, and words only where something could be given back', () => {
    const use = {
      runningRequests: 1,
      waitingRequests: 0,
      kvUse: 0.12,
      kvUsePeak: 0.31,
      poolBytes: 9.8 * GIB,
      giveBack: null,
    };
    const ready = { phase: 'ready', readyAtMs: 0, usedBytes: 8 * GIB, live: use } as const;
    const row = rowOf(ready);
    assert.deepEqual(
      [row?.detail, row?.usedBytes, row?.kvUse, row?.pool],
      ['ready · :8000 · 0s', 8 * GIB, 0.12, null],
    );
    const giveBack = { bytes: 6.1 * GIB, flag: '--gpu-memory-utilization 0.62' };
    assert.match(rowOf({ ...ready, live: { ...use, giveBack } })?.pool ?? '', /6\.1 GiB could be/);
    assert.equal(rowOf({ ...ready, live: null })?.kvUse, null);
  });
});
