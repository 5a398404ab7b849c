/** The main job in seconds: everything is real but the GPU and vLLM, which are stand-ins of test/support. */
import assert from 'node:assert/strict';
import type { VramPilotApi } from '../../../src/vscode/api';
import type { Server } from '../../../src/app/state';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { letGo, makeModel } from '../standInModel';
import { isAlive } from '../../support/processes.mjs';

describe('main job with stand-ins', () => {
  let api: VramPilotApi;
  const server = (id: string): Server => {
    const found = api.getState().servers.find((one) => one.id === id);
    assert.ok(found, 'the server is in the state');
    return found;
  };
  const deploy = async (name: string, force = false): Promise<string> => {
    const result = await api.deploy(
      { model: makeModel(name), options: { maxModelLen: 8192 } },
      { force },
    );
    assert.ok(result.ok, JSON.stringify(result));
    return result.id;
  };

  before(async () => {
    api = await readyApi();
  });

  afterEach(() => removeServers(api));

  it('samples the GPU', async () => {
    const card = () => api.getState().gpu.sample?.gpus[0];
    assert.equal(card()?.name, 'NVIDIA GeForce RTX 4090');
    await eventually(() => card()?.usedBytes === 1474 * 1024 ** 2, 'the card as it is');
  });

  it('deploys, shows the stages, gets ready over HTTP, and stops without a trace', async () => {
    const id = await deploy('tiny-held');
    await eventually(() => server(id).stage === 'loading', 'the stage');
    assert.equal(server(id).phase, 'starting');
    letGo('tiny-held');
    await eventually(() => server(id).phase === 'ready', 'ready');
    // the last lines of a start arrive beside its first answer over HTTP
    await eventually(() => server(id).facts?.kvCacheTokens === 32768, 'the facts of its start');
    await eventually(
      () => (server(id).record?.seen.length ?? 0) >= 2,
      'API server and engine recorded',
    );
    const { record, port } = server(id);
    assert.ok(record, 'the process is recorded');
    await eventually(() => server(id).usedBytes === 4813 * 1024 ** 2, 'its memory');
    const holder = () =>
      api.getState().holders.find(({ pid }) => record.seen.some((one) => one.pid === pid));
    await eventually(() => holder()?.class === 'ourServer', 'its engine known as ours');
    assert.equal(holder()?.canEnd, false);
    assert.equal((await fetch(`http://127.0.0.1:${String(port)}/health`)).status, 200);

    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server(id).phase, 'ended');
    assert.equal(server(id).endReason, 'stopped');
    for (const { pid } of record.seen)
      assert.equal(isAlive(pid), false, `PID ${String(pid)} is gone`);
    await assert.rejects(fetch(`http://127.0.0.1:${String(port)}/health`));
  });

  it('stops a server that is still starting', async () => {
    const id = await deploy('held');
    await eventually(() => (server(id).record?.seen.length ?? 0) >= 2, 'engine recorded');
    const { record } = server(id);
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    for (const { pid } of record!.seen) assert.equal(isAlive(pid), false);
    assert.equal(server(id).endReason, 'stopped');
  });

  it('says why a start failed, with the evidence', async () => {
    const id = await deploy('fails-kv');
    await eventually(() => server(id).phase === 'ended', 'end');
    assert.equal(server(id).endReason, 'failed');
    assert.equal(server(id).diagnosis?.cause?.id, 'kv_cache_too_small');
    assert.match(server(id).diagnosis?.cause?.evidence[0]?.text ?? '', /max seq len/);
    assert.ok((server(id).diagnosis?.remedy?.change.maxModelLen ?? 0) <= 4096);
  });

  it('calls an engine that died under a ready server a crash, though the exit code is 0', async () => {
    const id = await deploy('tiny');
    const engine = () =>
      server(id).record?.seen.find(({ pid }) => pid !== server(id).record?.main.pid);
    await eventually(() => server(id).phase === 'ready' && engine() !== undefined, 'ready');
    process.kill(engine()!.pid, 'SIGKILL');
    await eventually(() => server(id).phase === 'ended', 'end');
    assert.equal(server(id).endReason, 'crashed');
  });

  it('refuses a taken port that the user fixed, and names it', async () => {
    const id = await deploy('tiny');
    await eventually(() => server(id).phase === 'ready', 'ready');
    const second = await api.deploy({
      model: makeModel('tiny'),
      options: { maxModelLen: 8192 },
      port: server(id).port,
    });
    assert.ok(!second.ok && second.problems.some((problem) => problem.id === 'port_in_use'));
    await api.stop(id);
  });

  it('knows what a killed API server left as an orphan, and only that', async () => {
    const id = await deploy('clings');
    await eventually(
      () => server(id).phase === 'ready' && server(id).record!.seen.length >= 2,
      'ready',
    );
    const { record } = server(id);
    process.kill(record!.main.pid, 'SIGKILL');
    await eventually(() => server(id).phase === 'ended', 'end seen');
    assert.equal(server(id).endReason, 'crashed');
    const left = record!.seen.filter(({ pid }) => pid !== record!.main.pid && isAlive(pid));
    assert.ok(left.length > 0, 'an engine is left behind');
    const offered = () => api.getState().holders.filter(({ canEnd }) => canEnd);
    await eventually(() => offered().length > 0, 'a leftover');
    assert.deepEqual(
      offered().map((holder) => holder.pid),
      left.map(({ pid }) => pid),
    );
    assert.equal(offered()[0]?.class, 'orphanedWorker');
    // the dialogs of the command are driven by mainJob.ui.mjs: VS Code shows none to tests inside the host
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
  });
});
