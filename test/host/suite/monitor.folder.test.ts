/** What the gauge shows while the GPU tool misbehaves, and what counts as pressure. The tool is a stand-in. */
import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { openFakeGpu, type FakeGpuState } from '../../support/fakeGpu.mjs';
import { writeModelFolder } from '../../support/modelFiles';
import { SMALL_MODEL } from '../standInModel';
import { hasPage, onPage } from '../../ui/onPage';
import { removeServers } from '../removeServers';
import { eventually } from '../eventually';
import { cardSeen, extensionApi } from '../extensionApi';

const FOLDER = process.env.TEST_FOLDER ?? '';
const MIB = 1024 ** 2;
/** VS Code marks a status bar item by the colour of its background. */
const WARNING = 'warning-kind';

describe('monitor', () => {
  let api: VramPilotApi;
  const gpu = openFakeGpu(FOLDER);
  const original = gpu.state();
  const [card] = original.gpus;
  const restore: Partial<FakeGpuState> = {
    mode: 'ok',
    gpus: original.gpus,
    holders: original.holders ?? [],
    processes: original.processes ?? [],
  };
  const state = () => api.getState().gpu;
  const isOk = () => state().status === 'ok';
  const isFailing = () => state().status === 'failing';

  before(async () => {
    api = await extensionApi();
    // engines that other tests leave behind are charged to the card; figures here are exact
    gpu.setState({ holders: [] });
    await eventually(isOk, 'a first sample');
    await eventually(
      () => state().sample?.gpus[0]?.usedBytes === 1474 * MIB,
      'a sample of the card alone',
    );
  });

  afterEach(async () => {
    gpu.setState({ ...restore, holders: [] });
    await vscode.commands.executeCommand('vramPilot.refresh');
    await eventually(isOk, 'the tool back');
  });

  after(async () => {
    gpu.setState(restore);
    await removeServers(api);
    await cardSeen(api);
  });

  it('names the GPU in the hover', async function () {
    if (!hasPage) this.skip();
    const text = await onPage.gaugeHover();
    assert.match(text, /RTX 4090/);
    assert.match(text, /1\.4 GiB/);
    assert.match(text, /Open Planner/);
  });

  it('names who grew in the hover', async function () {
    if (!hasPage) this.skip();
    const { pid } = process;
    gpu.setState({
      gpus: [{ ...card!, usedMiB: 3522 }],
      processes: [{ pid, usedMiB: 2048, name: 'python', gpu: 0 }],
    });
    const grew = new RegExp(`GPU 0: PID ${String(pid)} .*grew by 2\\.0 GiB in \\d+s`);
    await eventually(async () => grew.test(await onPage.gaugeHover()), 'who grew');
  });

  it('gives a tool that hangs up, keeps the last figures with their age, and blocks nobody', async () => {
    let last = performance.now();
    const lateMs: number[] = [];
    const ticking = setInterval(() => {
      const now = performance.now();
      lateMs.push(now - last - 50);
      last = now;
    }, 50);
    gpu.setState({ mode: 'hang' });
    try {
      // the age comes first, the time-out some seconds later
      if (hasPage) await onPage.gauge(' old');
      await eventually(isFailing, 'failing');
    } finally {
      clearInterval(ticking);
    }
    const late = lateMs.filter((ms) => ms >= 200).length;
    assert.ok(lateMs.length > 50, `${String(lateMs.length)} ticks`);
    // a busy machine loses a tick now and then; a host that waits for the tool stands still for the five seconds it gets
    assert.ok(
      late <= lateMs.length / 4 && Math.max(...lateMs) < 3_500,
      `${String(late)} of ${String(lateMs.length)} ticks late, worst ${String(Math.round(Math.max(...lateMs)))} ms`,
    );
    assert.match(state().failure?.text ?? '', /did not answer within/);
    assert.equal(state().sample?.gpus[0]?.usedBytes, 1474 * MIB, 'the last sample is kept');
    if (hasPage) {
      const { text } = await onPage.gauge(' old');
      assert.match(text, /1\.4\/24\.0 GiB · \d+s old/);
      assert.match(await onPage.gaugeHover(), /did not answer within/);
    }
    gpu.setState({ mode: 'ok', gpus: [{ ...card!, usedMiB: 2048 }] });
    await eventually(
      () => isOk() && state().sample?.gpus[0]?.usedBytes === 2048 * MIB,
      'a new sample',
    );
    assert.equal(state().failure, null);
    if (hasPage) await onPage.gauge('2.0/24.0 GiB');
  });

  const FAILURES = [
    ['vanish', 'the driver is gone', /couldn't communicate with the NVIDIA driver/],
    ['lostGpu', 'the GPU is lost', /GPU is lost/],
  ] as const;
  for (const [mode, what, text] of FAILURES) {
    it(`says so when ${what}, and comes back`, async () => {
      gpu.setState({ mode });
      await eventually(isFailing, 'failing');
      assert.match(state().failure?.text ?? '', text);
      assert.ok(state().sample, 'the last sample is kept');
      if (hasPage) await onPage.gauge(' old');
      gpu.setState({ mode: 'ok' });
      // one that hung was found again without it
      await vscode.commands.executeCommand('vramPilot.refresh');
      await eventually(isOk, 'a new sample');
      assert.equal(state().failure, null);
      if (hasPage) {
        await eventually(
          async () => !(await onPage.gauge('1.4/24.0 GiB')).text.includes('old'),
          'fresh figures',
        );
      }
    });
  }

  it('shows what the tool does not say as unknown, never as 0', async () => {
    gpu.setState({ mode: 'notAvailable' });
    await eventually(() => state().sample?.gpus[0]?.usedBytes === null, 'a sample without figures');
    const [silent] = state().sample!.gpus;
    assert.equal(state().status, 'ok');
    assert.deepEqual(
      [silent!.totalBytes, silent!.freeBytes, silent!.utilizationPercent, silent!.powerW],
      [null, null, null, null],
    );
    assert.equal(silent!.name, card!.name);
    assert.deepEqual(state().pressure, {});
    if (hasPage) {
      const { text, classes } = await onPage.gauge('?');
      assert.match(text, /\?\/\? GiB/);
      assert.doesNotMatch(text, /0\.0/);
      assert.doesNotMatch(classes, new RegExp(WARNING));
      assert.match(await onPage.gaugeHover(), /unknown/);
    }
  });

  describe('pressure', () => {
    const classes = async () => (await onPage.gauge()).classes;
    const marked = (wanted: boolean) =>
      eventually(
        async () => (await classes()).includes(WARNING) === wanted,
        wanted ? 'a warning' : 'no warning',
      );

    before(async function () {
      if (!hasPage) this.skip();
      // a failure that nobody looked at colours the gauge, too
      await removeServers(api);
    });

    it('warns of a card that others have filled', async () => {
      await marked(false);
      gpu.setState({ gpus: [{ ...card!, usedMiB: 21_500 }] });
      await eventually(() => state().pressure[0] === 'tight', 'tight');
      await marked(true);
      gpu.setState({ gpus: [{ ...card!, usedMiB: 23_900 }] });
      await eventually(() => state().pressure[0] === 'full', 'full');
      await marked(true);
      gpu.setState({ gpus: original.gpus });
      await marked(false);
    });

    it('does not warn of a card that a server of ours fills as planned', async () => {
      const model = path.join(FOLDER, 'models', 'monitor-tiny');
      writeModelFolder(model, SMALL_MODEL);
      await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
      const result = await api.deploy({
        model,
        options: { gpuMemoryUtilization: 0.9, maxModelLen: 8192 },
      });
      assert.ok(result.ok, JSON.stringify(result));
      const server = () => api.getState().servers.find(({ id }) => id === result.id)!;
      await eventually(() => server().phase === 'ready', 'ready');
      const { pid } = server().record!.main;
      gpu.setState({
        holders: [{ pgid: pid, commandIncludes: 'VLLM::EngineCore', usedMiB: 21_500 }],
      });
      await eventually(() => server().usedBytes === 21_500 * MIB, 'its memory');
      // 94 % of the card is used, and only what was there before is not planned
      const filled = () => state().sample?.gpus[0]?.usedBytes === 22_974 * MIB;
      await eventually(filled, 'the total of the next look');
      assert.equal(state().pressure[0], 'ok');
      await marked(false);

      // the same fill by nobody of ours is pressure
      gpu.setState({ holders: [], gpus: [{ ...card!, usedMiB: 22_974 }] });
      assert.ok((await api.stop(result.id)).ok);
      await eventually(() => state().pressure[0] === 'tight', 'tight');
      await marked(true);
    });
  });
});
