import assert from 'node:assert/strict';
import { createCoexistenceWatch } from '../../../../src/app/coexistence/coexistenceWatch';
import {
  workersReport,
  type WorkersReport,
  type WorkersWish,
} from '../../../../src/app/planning/workersReport';
import { WORKER_CONFIG_FILE } from '../../../../src/planner/workerSettings';
import type { Settings } from '../../../../src/app/settings';
import {
  answered,
  fakeContext,
  GIB,
  gpuOf,
  holderOf,
  sampleOf,
  type FakeContext,
} from '../../../support/fakePorts';

const AS_SET: WorkersWish = { choice: { kind: 'settings' }, gpuIndex: null };

/** A 24 GB card with 22 GB free. */
function machine(settings: Partial<Settings> = {}): FakeContext {
  const context = fakeContext(settings);
  const free = { usedBytes: 2 * GIB, freeBytes: 22 * GIB };
  context.gpuNow = sampleOf({ gpus: [gpuOf(free)] });
  return context;
}

function report(context: FakeContext, wish = AS_SET, folder: string | null = null) {
  return workersReport(context, createCoexistenceWatch(context, folder), wish);
}

const figures = ({ plan }: WorkersReport) =>
  plan && [
    plan.usableBytes / GIB,
    plan.workers,
    Number(((plan.bytesPerWorker ?? NaN) / GIB).toFixed(3)),
    plan.device,
  ];

describe('workersReport', () => {
  it('prints the worked example in the documented words', async () => {
    const { text, environment } = await report(machine());
    assert.match(text, /^GPU workers\n\nSettings: VS Code settings\n/);
    assert.match(text, /Total 24\.0 GiB, available 22\.0 GiB/);
    assert.match(text, /Usable: 22\.0 GiB − 12\.0 GiB − 1\.0 GiB buffer = 9\.0 GiB/);
    assert.match(text, /GPU workers enabled: 2 workers × 4\.5 GB = 9\.0 GB total/);
    assert.match(text, /Ollama should retain 12\.0 GB\.\nWith it 87\.5 % of the card are in use/);
    assert.match(text, /beside 2\.0 GiB that others hold/);
    for (const hint of [
      /Ollama still on the CPU: /,
      /Workers too slow: /,
      /Workers take too much: /,
    ])
      assert.match(text, hint);
    assert.deepEqual(environment, {
      VRAM_PILOT_WORKERS: '2',
      VRAM_PILOT_MIB_PER_WORKER: '4608',
      VRAM_PILOT_DEVICE: 'cuda',
    });
  });

  it('plans with a preset or for a model of Ollama, over what is set else', async () => {
    const at = async (choice: WorkersWish['choice'], settings: Partial<Settings> = {}) =>
      figures(await report(machine(settings), { choice, gpuIndex: null }));
    const preset = (name: 'conservative' | 'aggressive' | 'ultra-conservative') =>
      ({ kind: 'preset', preset: name }) as const;
    assert.deepEqual(await at(preset('conservative')), [9, 2, 4.5, 'cuda']);
    assert.deepEqual(await at(preset('aggressive')), [10, 2, 5, 'cuda']);
    assert.deepEqual(await at(preset('aggressive'), { 'coexistence.maxWorkers': 4 }), [
      10,
      3,
      3.333,
      'cuda',
    ]);
    assert.deepEqual(await at(preset('ultra-conservative')), [7, 1, 7, 'cuda']);
    const model = (billions: number) => ({ kind: 'ollamaModel', billions }) as const;
    assert.deepEqual(await at(model(7)), [13, 2, 6.5, 'cuda']);
    assert.deepEqual(await at(model(14)), [9, 2, 4.5, 'cuda']);
    assert.deepEqual(await at(model(34)), [3, 1, 3, 'cuda']);
  });

  it('falls back to the CPU, or refuses, with the reason', async () => {
    const wish: WorkersWish = { choice: { kind: 'ollamaModel', billions: 70 }, gpuIndex: null };
    const least = { 'coexistence.minVramPerWorkerGb': 4 };
    const onCpu = await report(machine(least), wish);
    assert.deepEqual(figures(onCpu), [3, 1, 0, 'cpu']);
    assert.match(onCpu.text, /insufficient VRAM per worker \(3\.0 GiB usable, 4\.0 GiB needed\)/);
    assert.equal(onCpu.environment?.VRAM_PILOT_DEVICE, 'cpu');
    const refused = await report(
      machine({ ...least, 'coexistence.fallbackToCpuWhenConstrained': false }),
      wish,
    );
    assert.equal(refused.plan?.workers, 0);
    assert.equal(refused.environment, null);
  });

  it('takes what Ollama holds on that GPU off its reservation, and no other GPU’s', async () => {
    const reservation = async (gpus: number[], settings: Partial<Settings> = {}) => {
      const context = machine(settings);
      const ollama = holderOf({ command: '/usr/bin/ollama runner', usedBytes: 5 * GIB, gpus });
      context.store.dispatch({ type: 'holdersJudged', holders: [ollama], usedByServer: new Map() });
      return (await report(context)).plan?.reservationBytes;
    };
    assert.equal(await reservation([0]), 7 * GIB);
    assert.equal(await reservation([1]), 12 * GIB);
    const unseen = { 'coexistence.enableOllamaDetection': false };
    assert.equal(await reservation([0], unseen), 12 * GIB);
  });

  it('says where the models of a daemon run', async () => {
    const context = machine();
    const ps = 'GET http://127.0.0.1:11434/api/ps';
    assert.match((await report(context)).text, /Ollama now\nNone answers here/);
    context.http.routes.set(ps, answered({ models: [] }));
    assert.match((await report(context)).text, /It runs, and has no model loaded/);
    const models = [{ name: 'qwen3:14b', size: 10 * GIB, size_vram: 4 * GIB }];
    context.http.routes.set(ps, answered({ models }));
    assert.match(
      (await report(context)).text,
      /qwen3:14b: 10\.0 GiB, 6\.0 GiB of it on the CPU\. There is room for it now: unload/,
    );
  });

  it('takes the file of the workspace before the settings, and says so; a broken one is not used', async () => {
    const context = machine();
    const put = (document: string) => context.files.put(`/w/${WORKER_CONFIG_FILE}`, document);
    put(JSON.stringify({ gpu_resource_management: { ollama_vram_reservation_mb: 8192 } }));
    const found = await report(context, AS_SET, '/w');
    assert.match(found.text, /Settings: performance_config\.json\n/);
    assert.deepEqual(figures(found), [13, 2, 6.5, 'cuda']);
    put('{');
    const broken = await report(context, AS_SET, '/w');
    assert.match(broken.text, /Settings: VS Code settings\nNot used: /);
    assert.deepEqual(figures(broken), [9, 2, 4.5, 'cuda']);
  });

  it('plans on the GPU asked for, and names it to programs', async () => {
    const context = machine();
    const second = gpuOf({ index: 1, name: 'second', totalBytes: 16 * GIB, freeBytes: 15 * GIB });
    context.gpuNow = sampleOf({ gpus: [gpuOf(), second] });
    const { text, environment } = await report(context, { ...AS_SET, gpuIndex: 1 });
    assert.match(text, /\nGPU 1: second\n/);
    assert.match(text, /Reservation for Ollama: 10\.0 GiB, by the size of the card/);
    assert.equal(environment?.VRAM_PILOT_DEVICE, 'cuda:1');
  });

  it('says that there is no GPU', async () => {
    const none = await report(fakeContext());
    assert.match(none.text, /no GPU is known/);
    assert.deepEqual([none.plan, none.environment], [null, null]);
  });
});
