/** What starts teach, in a window: kept when a server is ready, used by the next plan, forgotten by command. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { makeModel, SMALL_MODEL } from '../standInModel';
import { setting } from '../setting';

const FOLDER = process.env.TEST_FOLDER ?? '';
const GIB = 1024 ** 3;

describe('learning with a stand-in vLLM', () => {
  let api: VramPilotApi;
  const learned = () => api.getState().learned.entries;
  const forgetAll = () => vscode.commands.executeCommand('vramPilot.forgetLearned', { key: null });

  async function start(name: string): Promise<void> {
    const result = await api.deploy({ model: makeModel(name), options: { maxModelLen: 8192 } });
    assert.ok(result.ok, JSON.stringify(result));
  }

  before(async () => {
    api = await readyApi();
    await setting('learning.enabled', true);
  });

  afterEach(async () => {
    await removeServers(api);
    if (learned().length > 0) await forgetAll();
  });

  after(async () => {
    await setting('learning.enabled', false);
    await setting('learning.teamFile', undefined);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('keeps what a start measured, plans with it, and forgets it', async () => {
    await start('learned-tiny');
    await eventually(() => learned().length === 1, 'what its start taught');
    const [entry] = learned();
    assert.equal(entry?.source, 'here');
    assert.equal(entry.record.outcome.model, 'learned-tiny');
    assert.doesNotMatch(JSON.stringify(entry), new RegExp(FOLDER));
    await eventually(
      () => learned()[0]?.record.outcome.facts.kvCacheTokens === 32768,
      'the last lines of its output',
    );
    const request = {
      engine: 'vllm',
      engineVersion: '0.32.0',
      model: { name: 'learned-tiny', config: SMALL_MODEL },
      gpus: [{ name: 'NVIDIA GeForce RTX 4090', totalBytes: 24564 * 1024 ** 2 }],
      options: { gpuMemoryUtilization: 0.7, maxModelLen: 8192 },
    };
    const calibrated = await api.plan(request);
    assert.equal(calibrated.basis, 'learned');
    assert.ok((calibrated.perGpu[0]?.weightsBytes ?? 0) > 14 * GIB);
    assert.notEqual((await api.plan({ ...request, learned: [] })).basis, 'learned');

    await vscode.commands.executeCommand('vramPilot.forgetLearned', { key: entry.key });
    await eventually(() => learned().length === 0, 'it is forgotten');
    assert.notEqual((await api.plan(request)).basis, 'learned');
  });

  it('keeps a failure, and opens its list without a complaint', async () => {
    await start('learned-fails-kv');
    await eventually(() => learned().length === 1, 'what its failure taught');
    assert.equal(learned()[0]?.record.outcome.causeId, 'kv_cache_too_small');
    await vscode.commands.executeCommand('vramPilot.showLearned');
    await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
  });

  it('writes the team file only when it is asked to', async () => {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    assert.ok(folder, 'a folder is open');
    const file = path.join(folder, '.vscode', 'vram-calibration.json');
    try {
      await start('learned-alone');
      await eventually(() => learned().length === 1, 'what its start taught');
      assert.equal(fs.existsSync(file), false);
      await setting('learning.teamFile', true);
      await removeServers(api);
      await start('learned-shared');
      await eventually(() => learned().length === 2, 'what the second start taught');
      await eventually(() => fs.existsSync(file), 'the team file');
      const text = fs.readFileSync(file, 'utf8');
      assert.match(text, /learned-shared/);
      assert.doesNotMatch(text, /learned-alone|TEST_FOLDER/);
      assert.ok(!text.includes(FOLDER));
    } finally {
      fs.rmSync(file, { force: true });
    }
  });
});
