/** The planner page in the hands of a user: a fake GPU of 24,564 MiB, a small model of made-up files, stand-in vLLM. */
import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { openFakeGpu } from '../../support/fakeGpu.mjs';
import { writeModelFolder } from '../../support/modelFiles';
import { SMALL_MODEL } from '../standInModel';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { isAlive } from '../../support/processes.mjs';
import { openNet } from '../../../src/system/net';

const FOLDER = process.env.TEST_FOLDER ?? '';

describe('the planner page', () => {
  let api: VramPilotApi;
  const model = path.join(FOLDER, 'models', 'planner-tiny');
  const gpu = openFakeGpu(FOLDER);
  let calm = (): void => undefined;
  let all = (): void => undefined;

  before(async function () {
    if (!hasPage) this.skip();
    api = await readyApi();
    await removeServers(api);
    writeModelFolder(model, SMALL_MODEL);
    const { gpus, processes = [], holders = [] } = gpu.state();
    all = () => gpu.setState({ gpus, processes, holders });
    // engines that other tests leave behind are charged to the card; figures here are exact
    calm = () => gpu.setState({ gpus, processes, holders: [] });
    calm();
  });

  afterEach(() => calm());

  after(async () => {
    all();
    if (hasPage) await removeServers(api);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  const command = (wanted: string) => onPage.plannerSays('command', wanted);

  it('opens from the gauge and shows the card', async () => {
    await onPage.clickGauge();
    await onPage.plannerReady();
    await onPage.plannerSays('gpu-0', '1.4 / 24.0 GiB');
    assert.equal(await onPage.plannerValue('engine'), 'vllm');
    await onPage.plannerHolds('utilization-value', '0.70');
    await onPage.plannerHolds('context-value', '8,192');
    // what another suite planned
    await onPage.plannerFill('model', '');
    await onPage.plannerMarks('deploy', 'disabled', '');
    assert.match(await onPage.plannerText('deploy-reason'), /Pick a model/);
  });

  it('prices the model that is typed, with the exact command', async () => {
    await onPage.plannerFill('model', model);
    await onPage.plannerSays('verdict', 'Fits');
    await onPage.plannerSays('verdict', 'from the weight files');
    await onPage.plannerSays('model-facts', 'up to 40,960 tokens');
    const text = await command(`serve ${model}`);
    assert.match(text, /--host 127\.0\.0\.1 --port \d+ /);
    assert.match(text, /--gpu-memory-utilization 0\.7 --max-model-len 8192/);
    await onPage.plannerMarks('deploy', 'disabled', null);
  });

  it('moves the utilization by keys, in steps of 0.05 between 0.50 and 0.95', async () => {
    assert.equal(await onPage.plannerPress('utilization', 'Home'), '0.5');
    await onPage.plannerHolds('utilization-value', '0.50');
    await onPage.plannerPress('utilization', 'ArrowRight');
    await onPage.plannerHolds('utilization-value', '0.55');
    await command('--gpu-memory-utilization 0.55');
    assert.equal(await onPage.plannerPress('utilization', 'End'), '0.95');
    await command('--gpu-memory-utilization 0.95');
    await onPage.plannerSays('summary', '0.95');
  });

  it('changes the memory bar and the verdict with the share', async () => {
    await onPage.plannerPress('utilization', 'Home');
    await onPage.plannerSays('memory-bar', 'takes 1');
    await onPage.plannerSays('verdict', 'Fits');
    const small = await onPage.plannerText('memory-bar');
    // 0.95 of the card is more than the desktop leaves
    await onPage.plannerPress('utilization', 'End');
    await onPage.plannerSays('memory-bar', 'over the card');
    await onPage.plannerSays('verdict', 'Does not fit');
    assert.notEqual(await onPage.plannerText('memory-bar'), small);
    await onPage.plannerSays('deploy', 'Deploy Anyway');
  });

  it('takes a typed share, and refuses one beyond 1 with a message', async () => {
    await onPage.plannerFill('utilization-value', '0.62');
    await command('--gpu-memory-utilization 0.62');
    await onPage.plannerHolds('utilization', '0.6');

    await onPage.plannerType('utilization-value', '1.7');
    await onPage.plannerSays('utilization-value-complaint', 'up to 1');
    await onPage.plannerMarks('utilization-value', 'aria-invalid', 'true');
    await onPage.plannerMarks('deploy', 'disabled', '');
    assert.match(await onPage.plannerText('deploy-reason'), /Correct the marked field/);
    // not even the "1" on the way counts
    await command('--gpu-memory-utilization 0.62');
    await onPage.press('Tab');
    await onPage.plannerHolds('utilization-value', '0.62');
    await onPage.plannerMarks('deploy', 'disabled', null);
  });

  it('speaks three linked units: share, KV cache and requests at once', async () => {
    await onPage.plannerFill('utilization-gib', '8');
    await eventually(
      async () => Math.abs(parseFloat(await onPage.plannerValue('utilization-gib')) - 8) < 0.25,
      'about 8 GiB of KV cache',
    );
    const share = Number(await onPage.plannerValue('utilization-value'));
    assert.ok(share > 8 / 24 && share < 0.62, `share ${String(share)}`);
    const requests = Number(await onPage.plannerValue('utilization-requests'));
    await onPage.plannerFill('utilization-requests', String(Math.ceil(requests * 1.2)));
    await eventually(
      async () => Number(await onPage.plannerValue('utilization-value')) > share,
      'a larger share for more requests',
    );
  });

  it('sets the share by preset, and shows which one holds', async () => {
    for (const [name, share] of [
      ['conservative', '0.60'],
      ['balanced', '0.70'],
      ['aggressive', '0.85'],
    ] as const) {
      await onPage.plannerClick(`preset-${name}`);
      await onPage.plannerHolds('utilization-value', share);
      await onPage.plannerMarks(`preset-${name}`, 'aria-pressed', 'true');
    }
    await onPage.plannerMarks('preset-balanced', 'aria-pressed', 'false');
    await onPage.plannerClick('preset-auto');
    await onPage.plannerMarks('preset-auto', 'aria-pressed', 'true');
    // auto is a share as well: the one that the planner computes
    await onPage.plannerSays('command', '--gpu-memory-utilization 0\\.\\d+', { pattern: true });
    await onPage.plannerClick('preset-balanced');
    await onPage.plannerMarks('preset-balanced', 'aria-pressed', 'true');
    await onPage.screenshot('planner');
  });

  it('moves the context in steps of 512 up to the model’s own maximum', async () => {
    assert.equal(await onPage.plannerPress('context', 'Home'), '512');
    assert.equal(await onPage.plannerPress('context', 'ArrowRight'), '1024');
    await command('--max-model-len 1024');
    assert.equal(await onPage.plannerPress('context', 'End'), '40960');
    await command('--max-model-len 40960');
    await onPage.plannerFill('context-value', '16k');
    await onPage.plannerHolds('context', '16384');
    await command('--max-model-len 16384');
  });

  it('passes advanced choices on as flags', async () => {
    await onPage.plannerClick('advanced-title');
    await onPage.plannerClick('enforceEager');
    await command('--enforce-eager');
    await onPage.plannerFill('maxNumSeqs', '16');
    await command('--max-num-seqs 16');
    // the list opens on the engine's own, "auto" is next, then "fp8"
    assert.equal(await onPage.plannerPress('kvCacheDtype', 'ArrowDown', 'ArrowDown'), 'fp8');
    await command('--kv-cache-dtype fp8');
    await onPage.plannerClick('enforceEager');
    await onPage.plannerFill('maxNumSeqs', '');
    await onPage.plannerPress('kvCacheDtype', 'Home');
    await onPage.plannerSays(
      'command',
      '^(?!.*(enforce-eager|max-num-seqs|kv-cache-dtype)).*serve',
      { pattern: true },
    );
  });

  it('hides the utilization for Ollama and restores it with vLLM', async () => {
    await onPage.plannerClick('preset-aggressive');
    await command('--gpu-memory-utilization 0.85');
    await onPage.plannerPress('engine', 'ArrowDown');
    await onPage.plannerHolds('engine', 'ollama');
    assert.equal(await onPage.plannerCount('utilization'), 0);
    assert.equal(await onPage.plannerCount('advanced'), 0);
    await onPage.plannerFill('model', 'qwen3:8b');
    await command('OLLAMA_HOST=127.0.0.1:11434');
    await onPage.plannerSays('command-load', '"model":"qwen3:8b"');
    await onPage.plannerPress('engine', 'ArrowUp');
    await onPage.plannerHolds('utilization-value', '0.85');
    await onPage.plannerHolds('model', model);
    await command('--gpu-memory-utilization 0.85 --max-model-len 16384');
  });

  it('warns with the arithmetic when less is free than the share takes', async () => {
    assert.equal(await onPage.plannerCount('warning'), 0);
    gpu.setState({
      gpus: [{ ...gpu.state().gpus[0]!, usedMiB: 18_000 }],
      processes: [{ pid: process.pid, name: '/usr/bin/python3', usedMiB: 16_000 }],
    });
    const text = await onPage.plannerSays('warning', 'wanted');
    assert.match(text, /0\.85 × 23\.53 GiB = 20\.00 GiB wanted, 5\.99 GiB free/);
    assert.match(text, /free 14\.01 GiB/);
    await onPage.plannerSays('warning', `PID ${String(process.pid)} holds 15.6 GiB`);
    await onPage.plannerSays('deploy', 'Deploy Anyway');
    calm();
    await eventually(async () => (await onPage.plannerCount('warning')) === 0, 'no warning');
    await onPage.plannerSays('verdict', 'Fits');
  });

  it('keeps everything over hiding and showing', async () => {
    await onPage.plannerFill('utilization-value', '0.66');
    await command('--gpu-memory-utilization 0.66');
    const before = await onPage.plannerText('command');
    const [folder] = vscode.workspace.workspaceFolders!;
    const readme = vscode.Uri.joinPath(folder!.uri, 'README.md');
    await vscode.window.showTextDocument(readme, { preview: false });
    await eventually(() => vscode.window.activeTextEditor !== undefined, 'another editor');
    await vscode.commands.executeCommand('workbench.action.previousEditor');
    await onPage.plannerReady();
    await onPage.plannerHolds('utilization-value', '0.66');
    await onPage.plannerHolds('context-value', '16,384');
    assert.equal(await command('0.66'), before);
    await onPage.plannerMarks('advanced', 'open', '');
    await onPage.plannerSays('gpu-0', '1.4 / 24.0 GiB');
  });

  it('plans with the extra arguments, and says what they overrule', async () => {
    await onPage.plannerFill('extraArguments', '--max-model-len=4096');
    await command('--max-model-len=4096');
    await onPage.plannerSays('summary', '4,096 tokens');
    await onPage.plannerSays('context-value-complaint', 'extra arguments say 4,096');
    await onPage.plannerFill('extraArguments', '');
    await onPage.plannerSays('summary', '16,384 tokens');
  });

  it('compares with a kept wish, also after hiding, and takes it back', async () => {
    const before = await onPage.plannerText('command');
    await onPage.plannerClick('keep');
    await onPage.plannerClick('preset-conservative');
    await onPage.plannerSays('compare', 'Utilization 0.66 0.60');
    await onPage.plannerClick('report');
    await eventually(
      () =>
        vscode.window.activeTextEditor?.document.getText().includes('Utilization: 0.60 (') ?? false,
      'the report of the wish on the page',
    );
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
    await onPage.plannerReady();
    await onPage.plannerSays('compare', 'Utilization 0.66 0.60');
    await onPage.screenshot('planner-compare');
    await onPage.plannerClick('compare-use');
    await eventually(async () => (await onPage.plannerCount('compare')) === 0, 'no comparison');
    assert.equal(await command('0.66'), before);
  });

  it('deploys what it shows and stops it', async () => {
    await removeServers(api);
    await onPage.plannerSays('verdict', 'Fits');
    const port = String(await openNet().freePort());
    await onPage.plannerFill('port', port);
    const shown = await command(`--port ${port} `);
    all();
    await onPage.plannerClick('deploy');
    await eventually(() => api.getState().servers.length > 0, 'a server');
    const { id, command: run } = api.getState().servers[0]!;
    assert.ok(shown.endsWith(run.args.slice(1).join(' ')), `${shown} ends with what is run`);
    await onPage.plannerSays(`server-${id}`, 'ready · :', { timeoutMs: 60_000 });
    await onPage.plannerSays(`server-${id}`, 'planned');
    await onPage.screenshot('planner-deployed');
    await onPage.plannerClick(`copyEndpoint-${id}`);
    await eventually(
      async () => (await vscode.env.clipboard.readText()) === `http://127.0.0.1:${port}/v1`,
      'the URL on the clipboard',
    );
    await onPage.plannerClick(`copyCurl-${id}`);
    await eventually(
      async () => (await vscode.env.clipboard.readText()).startsWith('curl '),
      'a curl command on the clipboard',
    );
    const [server] = api.getState().servers;
    assert.ok(server?.record, 'the process is recorded');
    await onPage.plannerClick('stop');
    await onPage.plannerSays(`server-${id}`, 'stopped', { timeoutMs: 60_000 });
    for (const { pid } of server.record.seen) assert.equal(isAlive(pid), false);
    await onPage.plannerMarks('stop', 'disabled', '');
    await onPage.plannerClick(`removeServer-${id}`);
    await eventually(
      async () => (await onPage.plannerCount(`server-${id}`)) === 0,
      'no row of a server that was dismissed',
    );
  });
});
