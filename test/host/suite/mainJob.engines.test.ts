/** The main job on a real vLLM (on the CPU) in the real VS Code. The GPU is a stand-in that charges real processes. */
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import * as vscode from 'vscode';
import type { DeployResult } from '../../../src/app/deploy';
import { serverFacts } from '../../../src/app/serverText';
import type { Server } from '../../../src/app/state';
import type { PlanOptions } from '../../../src/shared/planRequest';
import type { VramPilotApi } from '../../../src/vscode/api';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { isAlive, livingGroup } from '../../support/processes.mjs';

/** A start takes 31 s on an idle machine and twice that beside other work. */
const START_MS = 180_000;
const MODEL = path.join(process.env.VRAM_PILOT_TEST_MODELS ?? '', 'tiny-qwen3');
/** Pool and eager mode come from the settings. */
const OPTIONS: PlanOptions = { dtype: 'bfloat16', maxModelLen: 256 };

let api: VramPilotApi;

function server(id: string): Server {
  const found = api.getState().servers.find((one) => one.id === id);
  assert.ok(found, 'the server is in the state');
  return found;
}

function started(result: DeployResult): string {
  assert.ok(result.ok, JSON.stringify(result));
  return result.id;
}

const ready = (id: string) =>
  eventually(
    () => {
      const { phase, diagnosis } = server(id);
      assert.notEqual(phase, 'ended', JSON.stringify(diagnosis?.cause));
      return phase === 'ready';
    },
    'ready',
    START_MS,
  );

const ended = (id: string) => eventually(() => server(id).phase === 'ended', 'its end', START_MS);

const wish = (
  change: { model?: string; port?: number; options?: PlanOptions; extraArguments?: string[] } = {},
) => ({
  model: MODEL,
  ...change,
  options: { ...OPTIONS, ...change.options },
});

function assertGone({ record, port }: Server): void {
  assert.ok(record);
  for (const { pid } of record.seen)
    assert.equal(isAlive(pid), false, `PID ${String(pid)} is gone`);
  assert.deepEqual(livingGroup(record.main.pid), [], 'its process group is empty');
  assert.ok(port > 0);
}

async function assertPortFree(port: number): Promise<void> {
  await new Promise<void>((settle, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(port, '127.0.0.1', () => probe.close(() => settle()));
  });
}

/** Reads a chat stream; `onFirst` is called with the first piece of the answer. */
async function chat(one: Server, maxTokens: number, onFirst?: () => void): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${String(one.port)}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: one.servedModelName,
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: maxTokens,
      ignore_eos: true,
      stream: true,
    }),
  });
  assert.equal(response.status, 200);
  let text = '';
  for await (const piece of response.body!) {
    if (text === '') onFirst?.();
    text += Buffer.from(piece as Uint8Array).toString('utf8');
  }
  return text;
}

describe('main job with a real vLLM', function () {
  this.timeout(2 * START_MS);

  before(async () => {
    api = (await vscode.extensions
      .getExtension('vram-pilot.vram-pilot')!
      .activate()) as VramPilotApi;
    await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
  });

  afterEach(async () => {
    for (const { id, phase } of api.getState().servers) {
      if (phase !== 'ended') await api.stop(id, { force: true });
    }
  });

  it('knows the installed version without running it', () => {
    assert.equal(api.getState().engines.vllm.version, '0.32.0+cpu');
  });

  it('deploys from the palette, shows stages and ready, answers, and stops without a trace', async function () {
    if (!hasPage) this.skip();
    // the palette deploys with default options; what the CPU needs comes from the settings
    await onPage.openSideBar();
    await onPage.runCommand('VRAM Pilot: Deploy Model…');
    await onPage.pick('Choose a Folder');
    await onPage.chooseFolder(MODEL, 'Use This Model');
    await onPage.pick('Deploy');
    await eventually(() => api.getState().servers.length === 1, 'a server in the state');
    const { id } = api.getState().servers[0]!;
    const stages = new Set<string>();
    await eventually(
      () => {
        const { phase, stage, diagnosis } = server(id);
        assert.notEqual(phase, 'ended', JSON.stringify(diagnosis?.cause));
        stages.add(stage);
        return phase === 'ready';
      },
      'ready',
      START_MS,
    );
    assert.ok(stages.has('loading'), `stages seen: ${[...stages].join(', ')}`);
    await onPage.treeRow('Servers', 'ready');
    await onPage.screenshot('engines-ready');

    const { facts, engineVersion } = server(id);
    assert.equal(facts?.kvCacheTokens, 32_768);
    const details = serverFacts(server(id)).join('\n');
    assert.match(details, /KV cache tokens: 32,768/);
    assert.match(details, /Ready after: \d+/);
    assert.match(details, /Version: 0\.32\.0/);
    assert.match(engineVersion ?? '', /^0\.32\.0/);

    const answer = await chat(server(id), 8);
    assert.match(answer, /data: \[DONE\]/);

    const before = server(id);
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assertGone(before);
    await assertPortFree(before.port);
    assert.equal(server(id).endReason, 'stopped', 'a clean stop is no crash');
    assert.equal(server(id).stillHeld, null);
  });

  it('stops during the start', async () => {
    const id = started(await api.deploy(wish()));
    await eventually(() => server(id).stage !== 'starting', 'a stage beyond starting', START_MS);
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assertGone(server(id));
    await assertPortFree(server(id).port);
    assert.equal(server(id).endReason, 'stopped');
  });

  it('stops while a stream is open, and restarts with the same settings on the same port', async () => {
    const id = started(await api.deploy(wish({ options: { maxModelLen: 2048 } })));
    await ready(id);
    const { port } = server(id);
    let firstPiece: () => void = () => undefined;
    const streaming = new Promise<void>((settle) => {
      firstPiece = settle;
    });
    const stream = chat(server(id), 1900, firstPiece).catch(() => 'cut off');
    await streaming;
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    await stream;
    assertGone(server(id));
    assert.equal(server(id).endReason, 'stopped');

    await vscode.commands.executeCommand('vramPilot.restartServer', id);
    const again = api.getState().servers.at(-1)!;
    assert.notEqual(again.id, id);
    assert.equal(again.port, port);
    assert.deepEqual(again.wish.options, server(again.id).wish.options);
    await ready(again.id);

    // the same server serves the next two questions
    const second = await api.deploy({ ...wish(), port });
    assert.ok(!second.ok && second.problems.some((problem) => problem.id === 'port_in_use'));
    const forced = started(await api.deploy({ ...wish(), port }, { force: true }));
    await ended(forced);
    assert.equal(server(forced).endReason, 'failed');
    assert.equal(server(forced).diagnosis?.cause?.id, 'port_in_use');
    assert.ok(server(forced).diagnosis!.cause!.evidence.length > 0);

    await eventually(() => server(again.id).record!.seen.length >= 3, 'engine and worker recorded');
    const { record } = server(again.id);
    process.kill(record!.main.pid, 'SIGKILL');
    await ended(again.id);
    assert.equal(server(again.id).endReason, 'crashed');
    // it led its terminal's session, so the kernel hung up on its whole group: nothing may be left of it
    await eventually(() => livingGroup(record!.main.pid).length === 0, 'its engine gone', 20_000);
  });

  const failures: [string, Parameters<typeof wish>[0], string][] = [
    [
      'a context longer than the model’s',
      { options: { maxModelLen: 4096 } },
      'max_model_len_over_derived',
    ],
    ['a missing path', { model: '/models/does-not-exist' }, 'model_path_missing'],
    ['an unknown flag', { extraArguments: ['--gpu-mem-utilisation', '0.9'] }, 'unknown_flag'],
  ];
  for (const [what, change, cause] of failures) {
    it(`warns of ${what}, and Deploy Anyway ends in that cause`, async () => {
      const refused = await api.deploy(wish(change));
      assert.ok(!refused.ok && refused.problems.length > 0, 'refused before the launch');
      const id = started(await api.deploy(wish(change), { force: true }));
      await ended(id);
      assert.equal(server(id).endReason, 'failed');
      assert.equal(server(id).diagnosis?.cause?.id, cause);
      assert.ok(server(id).diagnosis!.cause!.evidence.length > 0, 'evidence lines');
      assertGone(server(id));
    });
  }

  it('does not call it a clean stop when a worker was killed, though vLLM exits with 0', async () => {
    const id = started(await api.deploy(wish()));
    await ready(id);
    await eventually(() => server(id).record!.seen.length >= 3, 'engine and worker recorded');
    const engine = livingGroup(server(id).record!.main.pid).find(({ command }) =>
      command.startsWith('VLLM::EngineCore'),
    );
    assert.ok(engine, 'an engine process');
    process.kill(engine.pid, 'SIGKILL');
    await ended(id);
    assert.equal(server(id).endReason, 'crashed');
    assert.ok(server(id).diagnosis?.cause, 'a cause');
  });
});
