import assert from 'node:assert/strict';
import { coexistenceOf } from '../../../../src/app/coexistence/coexistence';
import { coexistenceLines, ollamaFallbacks } from '../../../../src/app/coexistence/coexistenceText';
import { createCoexistenceWatch } from '../../../../src/app/coexistence/coexistenceWatch';
import { gaugeOf } from '../../../../src/app/gpus/gauge';
import type { Settings } from '../../../../src/app/settings';
import type { Server } from '../../../../src/app/state';
import type { Wish } from '../../../../src/shared/wish';
import {
  answered,
  fakeContext,
  GIB,
  gpuOf,
  holderOf,
  sampleOf,
  serverOf,
  settle,
  type FakeContext,
} from '../../../support/fakePorts';

const PS = 'http://127.0.0.1:11434/api/ps';

interface Loaded {
  readonly name: string;
  readonly size: number;
  readonly size_vram: number;
}

const loaded = (name: string, gib: number, onGpuGib = gib): Loaded => ({
  name,
  size: gib * GIB,
  size_vram: onGpuGib * GIB,
});

class Scene {
  readonly context: FakeContext;
  models: Loaded[] | 'refused' | 'timedOut' = [];
  private readonly stop: () => void;
  private readonly watch;

  constructor(settings: Partial<Settings> = {}, freeGib = 20, host = 'http://127.0.0.1:11434') {
    this.context = fakeContext({ 'ollama.host': host, ...settings });
    this.context.gpuNow = sampleOf({ gpus: [gpuOf({ freeBytes: freeGib * GIB })] });
    void this.context.lookAtGpus();
    this.context.http.routes.set(`GET ${PS}`, () =>
      typeof this.models === 'string' ? this.models : answered({ models: this.models }),
    );
    this.watch = createCoexistenceWatch(this.context, '/w');
    this.stop = this.watch.follow();
  }

  get asked(): number {
    return this.context.http.requests.length;
  }

  get ollama() {
    return this.context.store.state().coexistence.ollama;
  }

  add(given: Partial<Server> = {}): void {
    const server = serverOf({
      phase: 'ready',
      gpus: [0],
      usedBytes: 14 * GIB,
      startedAtMs: this.context.clock.now(),
      ...given,
    });
    this.context.store.dispatch({ type: 'serverAdded', server });
  }

  async sees(models: Scene['models']): Promise<void> {
    this.models = models;
    await this.watch.look();
  }

  lines(): string[] {
    const { store, clock } = this.context;
    return [...coexistenceLines(store.state(), this.context.settings(), clock.now())];
  }

  fallbacks(): string[] {
    return ollamaFallbacks(this.context.store.state()).map(({ text }) => text);
  }

  end = (): void => this.stop();
}

const ollamaWish = (model: string, options: Wish['options'] = {}): Wish => ({
  engine: 'ollama',
  model,
  options,
  extraArguments: [],
  port: null,
});

describe('the watch on Ollama', () => {
  let scene: Scene;

  function enter(...given: ConstructorParameters<typeof Scene>): Scene {
    scene = new Scene(...given);
    return scene;
  }

  afterEach(() => scene.end());

  it('asks every ten seconds while a server of ours runs, and not else', async () => {
    const { context } = enter();
    await settle();
    assert.equal(scene.asked, 1);
    await context.clock.pass(60_000);
    assert.equal(scene.asked, 1);
    scene.add();
    await context.clock.pass(30_500);
    assert.equal(scene.asked, 5);
    context.store.dispatch({ type: 'serverRemoved', id: 'launch-1' });
    await context.clock.pass(60_000);
    assert.ok(scene.asked <= 6, String(scene.asked));
    assert.ok(context.http.requests.every(({ url }) => url === PS));
  });

  it('asks when a process of Ollama comes or goes', async () => {
    const { context } = enter();
    await settle();
    const holders = [holderOf({ command: '/usr/bin/ollama runner' })];
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    await settle();
    assert.equal(scene.asked, 2);
  });

  it('goes on after a look that broke', async () => {
    const { context } = enter();
    await settle();
    const stat = context.files.stat.bind(context.files);
    context.files.stat = () => Promise.reject(new Error('a mistake'));
    scene.add();
    await context.clock.pass(5_000);
    assert.ok(context.log.lines.some((line) => line.includes('look broke')));
    context.files.stat = stat;
    const { asked } = scene;
    await context.clock.pass(10_000);
    assert.equal(scene.asked, asked + 1);
  });

  it('leaves alone a daemon on another machine, a simulated GPU’s, and one it must not look for', async () => {
    for (const settings of [
      { 'ollama.host': 'http://10.0.0.7:11434' },
      { 'coexistence.enableOllamaDetection': false },
    ]) {
      enter(settings);
      scene.add();
      await scene.context.clock.pass(20_000);
      assert.equal(scene.asked, 0);
      scene.end();
    }
  });

  it('obeys the file of the workspace, and says when it can’t be read', async () => {
    enter();
    const file = '/w/performance_config.json';
    const put = (section: object) =>
      scene.context.files.put(file, JSON.stringify({ gpu_resource_management: section }));
    put({ ollama_vram_reservation_mb: 6144 });
    await scene.sees([]);
    const kept = () =>
      coexistenceOf(scene.context.store.state(), scene.context.settings()).ollamaReservationBytes;
    assert.equal(kept(), 6 * GIB);
    put({ ollama_vram_reservation_mb: 6144, enable_ollama_detection: false });
    await scene.sees([loaded('qwen3:14b', 2)]);
    assert.equal(kept(), 6 * GIB);
    assert.equal(scene.ollama.answers, false);
    scene.context.files.put(file, '{');
    await scene.sees([]);
    assert.match(scene.context.store.state().coexistence.fileProblem ?? '', /not JSON/);
    assert.equal(kept(), 0);
    await scene.context.files.remove(file);
    await scene.sees([]);
    assert.equal(scene.context.store.state().coexistence.fileProblem, null);
    scene.context.files.put(file, '{"another_section": {}}');
    await scene.sees([]);
    const { file: ours, fileProblem } = scene.context.store.state().coexistence;
    assert.deepEqual([ours, fileProblem], [null, null]);
  });

  it('knows whose models are loaded, and remembers use as long as the daemon runs', async () => {
    enter();
    await scene.sees([]);
    assert.deepEqual([scene.ollama.answers, scene.ollama.isInUse], [true, false]);
    scene.add({ wish: ollamaWish('tiny') });
    await scene.sees([loaded('tiny:latest', 2)]);
    assert.equal(scene.ollama.isInUse, false);
    await scene.sees([loaded('tiny:latest', 2), loaded('qwen3:14b', 9)]);
    assert.equal(scene.ollama.isInUse, true);
    await scene.sees([]);
    assert.equal(scene.ollama.isInUse, true);
    await scene.sees('timedOut');
    assert.equal(scene.ollama.isInUse, true);
    await scene.sees('refused');
    assert.deepEqual([scene.ollama.answers, scene.ollama.isInUse], [false, false]);
  });

  it('takes a model that stays loaded after our server has ended for somebody else’s, in a minute', async () => {
    enter();
    scene.add({ wish: ollamaWish('tiny'), phase: 'ended', endedAtMs: scene.context.clock.now() });
    await scene.sees([loaded('tiny:latest', 2)]);
    assert.equal(scene.ollama.isInUse, false);
    await scene.context.clock.pass(61_000);
    await scene.sees([loaded('tiny:latest', 2)]);
    assert.equal(scene.ollama.isInUse, true);
  });

  it('announces in one line what changed, for ten minutes, in the panel and in the hover', async () => {
    const { context } = enter();
    await scene.sees([]);
    assert.deepEqual(scene.lines(), []);
    await scene.sees([loaded('qwen3:14b', 9)]);
    const kept = 'plans keep 3.0 GiB more for it (vramPilot.coexistence.ollamaVramReservationMb).';
    assert.deepEqual(scene.lines(), [
      `Ollama holds 9.0 GiB (qwen3:14b), 9.0 GiB more than before; ${kept}`,
    ]);
    const gauge = gaugeOf(context.store.state(), context.settings(), context.clock.now());
    assert.match(gauge.hover, /Ollama holds 9\.0 GiB/);
    await context.clock.pass(11 * 60_000);
    assert.deepEqual(scene.lines(), [`Ollama holds 9.0 GiB (qwen3:14b); ${kept}`]);
    await scene.sees([]);
    assert.match(
      scene.lines()[0] ?? '',
      /^Ollama has no model loaded, 9\.0 GiB less than before; plans keep 12\.0 GiB for it/,
    );
    await context.clock.pass(11 * 60_000);
    assert.match(
      scene.lines()[0] ?? '',
      /^Ollama has no model loaded; plans keep 12\.0 GiB for it/,
    );
    await scene.sees('refused');
    assert.deepEqual(scene.lines(), []);
  });

  it('changes nothing in the state where nothing changed', async () => {
    enter();
    await scene.sees([loaded('qwen3:14b', 9)]);
    const before = scene.context.store.state();
    await scene.context.clock.pass(1_000);
    await scene.sees([loaded('qwen3:14b', 9)]);
    assert.equal(scene.context.store.state(), before);
  });
});

describe('Ollama on the CPU beside our servers', () => {
  let scene: Scene;
  afterEach(() => scene.end());

  /** Our vLLM holds 14 of 24 GiB since before the model was loaded. */
  async function fallen(
    onGpuGib: number,
    { freeGib = 2, server = {} }: { freeGib?: number; server?: Partial<Server> } = {},
  ): Promise<string[]> {
    scene = new Scene({}, freeGib);
    scene.add(server);
    await scene.context.clock.pass(500);
    await scene.sees([loaded('qwen3:14b', 10, onGpuGib)]);
    return scene.fallbacks();
  }

  it('says what happened, who holds the memory and what to do', async () => {
    assert.deepEqual(await fallen(4), [
      'Ollama runs 6.0 GiB of the 10.0 GiB of qwen3:14b on the CPU and answers slowly: ' +
        'vLLM: m :8000 holds 14.0 GiB, 2.0 GiB are free. What helps: start vLLM: m :8000 with a smaller ' +
        'utilization (0.50 leaves room), or stop it, or keep more for Ollama ' +
        '(vramPilot.coexistence.ollamaVramReservationMb); then unload the model (ollama stop qwen3:14b): ' +
        'its next request loads it on the GPU.',
    ]);
    assert.match((await fallen(0))[0] ?? '', /^Ollama runs all 10\.0 GiB of qwen3:14b on the CPU/);
  });

  it('says nothing where it is all on the GPU, has room there, or would have none without our servers', async () => {
    assert.deepEqual(await fallen(10), []);
    assert.deepEqual(await fallen(4, { freeGib: 7 }), []);
    assert.equal((await fallen(4, { freeGib: 6.5 })).length, 1);
    assert.deepEqual(await fallen(0, { freeGib: 1, server: { usedBytes: 3 * GIB } }), []);
  });

  it('blames no server that came later, sleeps, waits, has ended or is simulated', async () => {
    for (const server of [
      { startedAtMs: Number.MAX_SAFE_INTEGER },
      { asleep: true },
      { phase: 'starting' as const, queued: { sinceMs: 0, waitsFor: [] } },
      { phase: 'ended' as const },
      { simulated: true },
      { usedBytes: null, plannedBytesPerGpu: [] },
    ])
      assert.deepEqual(await fallen(4, { server }), [], JSON.stringify(server));
    const planned = { usedBytes: null, plannedBytesPerGpu: [14 * GIB] };
    assert.equal((await fallen(4, { server: planned })).length, 1);
  });

  it('does not blame the model for itself, or one that is meant to run there', async () => {
    assert.deepEqual(await fallen(4, { server: { wish: ollamaWish('qwen3:14b') } }), []);
    scene.end();
    scene = new Scene({}, 2);
    scene.add();
    scene.add({ id: 'launch-2', wish: ollamaWish('qwen3:14b', { numGpu: 10 }) });
    await scene.sees([loaded('qwen3:14b', 10, 4)]);
    assert.deepEqual(scene.fallbacks(), []);
  });

  it('is loud in the panel too, before the quiet line', async () => {
    await fallen(4);
    const [loud, quiet] = scene.lines();
    assert.match(loud ?? '', /on the CPU/);
    assert.match(quiet ?? '', /^Ollama holds 4\.0 GiB/);
  });
});
