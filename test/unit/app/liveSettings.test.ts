/** Every setting takes effect without a reload: each is changed in a running app, and what it decides is looked at. */
import assert from 'node:assert/strict';
import { gaugeOf } from '../../../src/app/gpus/gauge';
import { parseSettings, settingSchemas, type SettingKey } from '../../../src/app/settings';
import type { App } from '../../../src/app/app';
import { startApp } from '../../../src/app/startApp';
import { emptyWish } from '../../../src/app/planning/wishes';
import { MIB } from '../../../src/shared/units';
import { ok } from '../../../src/shared/failure';
import { recordWith } from '../../support/learnedRecords';
import {
  fakeContext,
  GIB,
  holderOf,
  plantVllm,
  printed,
  type FakeContext,
} from '../../support/fakePorts';

interface Scene {
  readonly app: App;
  readonly context: FakeContext;
}

interface Case {
  readonly change: unknown;
  /** Before it, beside the defaults and the simulated card. */
  readonly given?: Partial<Record<SettingKey, unknown>>;
  readonly look: (scene: Scene) => unknown;
  readonly before: unknown;
  readonly after: unknown;
}

/** Tools asked since the last look. */
const tools = ({ context: { exec } }: Scene) => {
  const asked = new Set(
    [...exec.calls, ...exec.streams.map(({ spec }) => spec)].map(({ file }) => file),
  );
  exec.calls.length = 0;
  exec.streams.length = 0;
  return [...asked].filter((file) => file.includes('smi')).sort();
};

const workers =
  (figure: 'workers' | 'usableBytes' | 'device') =>
  async ({ app }: Scene) => {
    const wish = { choice: { kind: 'settings' }, gpuIndex: null } as const;
    return (await app.workersReport(wish)).plan?.[figure];
  };

const plannedCommand = async ({ app }: Scene) => {
  const gpus = [{ totalBytes: 24e9 }];
  return (await app.planRequest({ engine: 'vllm', model: { name: 'org/m-7B' }, gpus })).command;
};

/** How many of two launches, one after the other, are started: the first never gets ready. */
async function startedOfTwo({ app, context: { launcher, table, clock, settings } }: Scene) {
  launcher.specs.length = 0;
  launcher.begin = () => {
    const pid = 1_000 + 10 * table.processes.size;
    plantVllm(table, `launch-${String(pid)}`, pid);
    return ok({ pid });
  };
  const wish = { ...emptyWish(settings()), model: 'org/m-1B' };
  void app.deploy(wish, { force: true });
  void app.deploy(wish, { force: true });
  await clock.pass(5_000);
  return launcher.specs.length;
}

const CASES: Readonly<Record<SettingKey, Case>> = {
  'monitor.intervalSeconds': {
    change: 7,
    look: async ({ context: { clock } }) => {
      clock.slept.length = 0;
      await clock.pass(30_000);
      return clock.slept.includes(7_000);
    },
    before: false,
    after: true,
  },
  'monitor.source': {
    given: { simulate: false, 'monitor.source': 'nvidia-smi' },
    change: 'rocm-smi',
    look: tools,
    before: ['/usr/bin/nvidia-smi'],
    after: ['/usr/bin/rocm-smi'],
  },
  'monitor.executablePath': {
    given: { simulate: false, 'monitor.source': 'nvidia-smi' },
    change: '/opt/gpu/nvidia-smi',
    look: tools,
    before: ['/usr/bin/nvidia-smi'],
    after: ['/opt/gpu/nvidia-smi'],
  },
  'statusBar.visibility': {
    change: 'never',
    look: ({ app, context }) => gaugeOf(app.store.state(), context.settings(), 0).visible,
    before: true,
    after: false,
  },
  'statusBar.warnAtPercent': {
    change: 1,
    look: ({ app }) => app.store.state().gpu.pressure[0] === 'ok',
    before: true,
    after: false,
  },
  'planner.headroomMiB': {
    change: 2048,
    look: async ({ app }) => (await app.snapshot(true)).coexistence.safetyBufferBytes / MIB,
    before: 512,
    after: 2048,
  },
  'vllm.executablePath': {
    change: '/opt/v/bin/vllm',
    look: ({ app }) => app.store.state().engines.vllm.file,
    before: null,
    after: '/opt/v/bin/vllm',
  },
  'vllm.defaultUtilization': {
    change: 0.55,
    look: async ({ app }) => [
      app.store.state().wish.options.gpuMemoryUtilization,
      (await app.defaultWish('vllm', 'org/m')).options.gpuMemoryUtilization,
    ],
    before: [0.7, 0.7],
    after: [0.55, 0.55],
  },
  'vllm.extraArguments': {
    change: ['--seed', '7'],
    look: async (scene) => (await plannedCommand(scene)).args.slice(-2).join(' ') === '--seed 7',
    before: false,
    after: true,
  },
  'vllm.environment': {
    change: { HF_HUB_OFFLINE: '1' },
    look: async (scene) => (await plannedCommand(scene)).env.HF_HUB_OFFLINE ?? null,
    before: null,
    after: '1',
  },
  'ollama.executablePath': {
    change: '/opt/o/ollama',
    look: ({ app }) => app.store.state().engines.ollama.file,
    before: null,
    after: '/opt/o/ollama',
  },
  'ollama.host': {
    change: 'http://gpu-box:1234',
    look: async ({ app, context: { http } }) => {
      http.requests.length = 0;
      await app.listModels();
      return [...new Set(http.requests.map(({ url }) => new URL(url).host))];
    },
    before: ['127.0.0.1:11434'],
    after: ['gpu-box:1234'],
  },
  'coexistence.ollamaVramReservationMb': {
    change: 20 * 1024,
    look: workers('workers'),
    before: 2,
    after: 0,
    given: { 'coexistence.fallbackToCpuWhenConstrained': false },
  },
  'coexistence.maxWorkersPerGb': { change: 0.1, look: workers('workers'), before: 2, after: 1 },
  'coexistence.minVramPerWorkerGb': { change: 7, look: workers('workers'), before: 2, after: 1 },
  'coexistence.maxWorkers': { change: 1, look: workers('workers'), before: 2, after: 1 },
  'coexistence.enableOllamaDetection': {
    change: false,
    look: async (scene) => {
      const { app } = scene;
      const holder = holderOf({ command: 'ollama runner --model x', usedBytes: 4 * GIB });
      app.store.dispatch({ type: 'holdersJudged', holders: [holder], usedByServer: new Map() });
      return Number(await workers('usableBytes')(scene)) / MIB;
    },
    before: 9654 + 4096,
    after: 9654,
  },
  'coexistence.fallbackToCpuWhenConstrained': {
    given: { 'coexistence.ollamaVramReservationMb': 23 * 1024 },
    change: false,
    look: workers('device'),
    before: 'cpu',
    after: null,
  },
  'coexistence.safetyBufferMb': {
    change: 2048,
    look: async (scene) => Number(await workers('usableBytes')(scene)) / MIB,
    before: 9654,
    after: 8630,
  },
  'hub.allowRequests': {
    change: true,
    look: ({ app }) => (app.hintForTyped('org/m') ?? '').includes('hub.allowRequests'),
    before: true,
    after: false,
  },
  'launch.oneAtATime': { change: false, look: startedOfTwo, before: 1, after: 2 },
  'learning.enabled': {
    change: false,
    look: async ({ app }) => {
      const options = { gpuMemoryUtilization: 0.7 };
      const outcome = { model: 'org/m-7B', gpuName: 'Simulated GPU 24 GB', options };
      const record = recordWith({ gpuTotalBytes: 24564 * MIB, simulated: true, outcome });
      const entries = [{ key: 'a', record, source: 'here' as const }];
      app.store.dispatch({ type: 'learned', entries, problems: [] });
      app.setWish({ ...app.store.state().wish, model: 'org/m-7B' }, 'host');
      app.store.dispatch({
        type: 'modelRead',
        model: { id: 'org/m-7B', facts: { name: 'org/m-7B' }, longestContext: null, problem: null },
      });
      return (await app.snapshot(true)).learned.length;
    },
    before: 1,
    after: 0,
  },
  'learning.teamFile': {
    change: true,
    look: ({ app }) => app.store.state().learned.problems.length,
    before: 0,
    after: 1,
  },
  'cleanUp.protect': {
    given: { simulate: false, 'monitor.source': 'nvidia-smi' },
    change: ['VLLM::EngineCore'],
    look: async ({ app }) => {
      const holders = await app.inspectHolders();
      return holders.find(({ pid }) => pid === 202)?.canEnd;
    },
    before: true,
    after: false,
  },
  simulate: {
    given: { simulate: false },
    change: true,
    look: ({ app }) => app.store.state().gpu.simulated,
    before: false,
    after: true,
  },
};

/** As nvidia-smi writes it: the header repeats the fields. */
function printCard(fields: string): ReturnType<typeof printed> {
  const values: Readonly<Record<string, string>> = {
    index: '0',
    name: 'NVIDIA GeForce RTX 4090',
    'memory.total': '24564',
    'memory.used': '2000',
    'memory.free': '22100',
  };
  const row = fields
    .split(',')
    .map((field) => values[field] ?? (field === 'uuid' ? UUID : '[N/A]'));
  return printed(`${fields.replaceAll(',', ', ')}\n${row.join(', ')}\n`);
}

const UUID = 'GPU-0f1e2d3c-1111-2222-3333-444455556666';
const PROCESSES = `gpu_uuid, pid, used_gpu_memory [MiB], process_name\n${UUID}, 202, 900, VLLM::EngineCore\n`;

const settingsOf = (given: Case['given']) =>
  parseSettings((key) => ({ simulate: true, ...given })[key]).settings;

async function openScene(given: Case['given']): Promise<Scene & { close(): void }> {
  const context = fakeContext(settingsOf(given));
  for (const file of ['/opt/v/bin/vllm', '/opt/o/ollama', '/opt/gpu/nvidia-smi'])
    await context.files.writeAtomic(file, '');
  await context.files.writeAtomic('/w/.vscode/vram-calibration.json', 'broken');
  for (const tool of ['nvidia-smi', 'rocm-smi']) context.exec.onPath.set(tool, `/usr/bin/${tool}`);
  context.exec.scripts.set('/usr/bin/nvidia-smi', ({ args }) => {
    const [, what, fields = ''] = /^--query-([a-z-]+)=(.*)$/.exec(args[0] ?? '') ?? [];
    return what === 'gpu' ? printCard(fields) : printed(PROCESSES);
  });
  plantVllm(context.table, 'launch-9', 200);
  context.table.end(200);
  const app = startApp({
    ...context,
    settings: () => context.settingsNow,
    storageFolder: '/storage',
    workspaceFolder: '/w',
    simulatedServer: { file: '/sim', args: [], env: {} },
    environment: {},
    storedHubToken: () => Promise.resolve(null),
    version: '0',
    isWatched: () => true,
    isTrusted: () => true,
  });
  app.run();
  await context.clock.pass(3_000);
  return { app, context, close: () => app.dispose() };
}

describe('a setting that is changed takes effect at once', () => {
  it('on the model of the wish, which another daemon may have in another form', async () => {
    const scene = await openScene({});
    const { app, context } = scene;
    const hosts = () =>
      context.http.requests
        .filter(({ url }) => url.endsWith('/api/show'))
        .map(({ url }) => new URL(url).host);
    app.setWish({ ...app.store.state().wish, engine: 'ollama', model: 'm:latest' }, 'page');
    await context.clock.pass(1_000);
    const before = hosts();
    assert.ok(before.length > 0 && before.every((host) => host === '127.0.0.1:11434'));
    context.settingsNow = settingsOf({ 'ollama.host': 'http://gpu-box:1234' });
    void app.settingsChanged();
    await context.clock.pass(1_000);
    assert.equal(hosts().at(-1), 'gpu-box:1234');
    scene.close();
  });

  for (const key of Object.keys(settingSchemas) as SettingKey[]) {
    const { given, change, look, before, after } = CASES[key];
    it(key, async () => {
      const scene = await openScene(given);
      try {
        assert.deepEqual(await look(scene), before, 'before the change');
        scene.context.settingsNow = settingsOf({ ...given, [key]: change });
        void scene.app.settingsChanged();
        await scene.context.clock.pass(12_000);
        assert.deepEqual(await look(scene), after, 'after the change');
      } finally {
        scene.close();
      }
    });
  }
});
