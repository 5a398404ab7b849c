/** Saved launches, from the command to the file that a team shares, and back. vLLM and GPU are stand-ins. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { openFakeGpu } from '../../support/fakeGpu.mjs';
import { writeModelFolder } from '../../support/modelFiles';
import { SMALL_MODEL } from '../standInModel';
import { hasPage, onPage } from '../../ui/onPage';
import { removeServers } from '../removeServers';
import { eventually } from '../eventually';
import { extensionApi } from '../extensionApi';

const FOLDER = process.env.TEST_FOLDER ?? '';
const MODEL = path.join(FOLDER, 'models', 'profile-tiny');
const FILE = path.join(
  vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '',
  '.vscode/vram-pilot.profiles.json',
);

interface ProfilesFile {
  readonly version: number;
  readonly profiles: readonly {
    readonly name: string;
    readonly engine: string;
    readonly model: string;
    readonly options: Readonly<Record<string, unknown>>;
    readonly extraArguments: readonly string[];
  }[];
}

describe('profiles', () => {
  let api: VramPilotApi;
  let serverId: string;
  const gpu = openFakeGpu(FOLDER);
  const { holders = [] } = gpu.state();

  const read = () => JSON.parse(fs.readFileSync(FILE, 'utf8')) as ProfilesFile;
  const names = () => api.getState().profiles.map(({ name }) => name);
  const phaseOf = (id: string) => api.getState().servers.find((one) => one.id === id)?.phase;
  /** The command goes on until its box is closed, so it is not waited for. */
  const save = () => void vscode.commands.executeCommand('vramPilot.saveProfile', serverId);

  before(async function () {
    if (!hasPage) this.skip();
    api = await extensionApi();
    await removeServers(api);
    fs.rmSync(FILE, { force: true });
    // engines that other tests leave behind are charged to the card, and could make the launch a tight one
    gpu.setState({ holders: [] });
    await eventually(() => api.getState().gpu.status === 'ok', 'a first sample');
    await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
    writeModelFolder(MODEL, SMALL_MODEL);
    const result = await api.deploy({
      model: MODEL,
      options: { gpuMemoryUtilization: 0.55, maxModelLen: 4096 },
      extraArguments: ['--seed', '7'],
    });
    assert.ok(result.ok, JSON.stringify(result));
    serverId = result.id;
    await eventually(() => phaseOf(serverId) === 'ready', 'ready');
    assert.ok((await api.stop(serverId)).ok);
    await onPage.openSideBar();
  });

  after(async () => {
    fs.rmSync(FILE, { force: true });
    gpu.setState({ holders });
    if (hasPage) await removeServers(api);
    await vscode.commands.executeCommand('vramPilot.refresh');
  });

  it('saves what a server was started with, under the name typed', async () => {
    assert.match(await onPage.welcomeText('Profiles'), /Launches that you save appear here/);
    save();
    await onPage.typeInBox('tiny at half');
    await eventually(() => names().includes('tiny at half'), 'the profile');
    assert.match(await onPage.treeRow('Profiles', 'tiny at half'), /vLLM · 55 %/);
    const file = read();
    assert.equal(file.version, 1);
    assert.equal(file.profiles.length, 1);
    const [profile] = file.profiles;
    assert.deepEqual(
      [profile!.name, profile!.engine, profile!.model, profile!.extraArguments],
      ['tiny at half', 'vllm', MODEL, ['--seed', '7']],
    );
    assert.equal(profile!.options.gpuMemoryUtilization, 0.55);
    assert.equal(profile!.options.maxModelLen, 4096);
  });

  it('asks for a name, and saves nothing when the box is left', async () => {
    const before = fs.readFileSync(FILE, 'utf8');
    save();
    await onPage.typeInBox('  ');
    await onPage.press('Escape');
    // whatever would be saved is written by now: a second command has gone through after it
    save();
    await onPage.typeInBox('another');
    await eventually(() => names().includes('another'), 'the other profile');
    assert.deepEqual(names(), ['tiny at half', 'another']);
    assert.ok(before.length < fs.readFileSync(FILE, 'utf8').length);
  });

  it('takes the place of the profile with the same name', async () => {
    const file = read();
    const [first, second] = file.profiles;
    const changed = { ...first!, options: { gpuMemoryUtilization: 0.9 } };
    fs.writeFileSync(FILE, JSON.stringify({ ...file, profiles: [changed, second] }));
    save();
    await onPage.typeInBox('tiny at half');
    await eventually(
      () => read().profiles[0]?.options.gpuMemoryUtilization === 0.55,
      'the profile as the server was started',
    );
    assert.deepEqual(names(), ['tiny at half', 'another']);
  });

  it('deploys one with its settings', async () => {
    await onPage.treeAction('Profiles', 'tiny at half', 'Deploy Profile');
    await eventually(() => api.getState().servers.at(-1)?.id !== serverId, 'a server');
    const { id, command } = api.getState().servers.at(-1)!;
    await eventually(() => phaseOf(id) === 'ready', 'ready');
    const line = command.args.join(' ');
    assert.match(line, /--gpu-memory-utilization 0\.55 --max-model-len 4096/);
    assert.match(line, /--seed 7/);
    assert.ok((await api.stop(id)).ok);
  });

  it('keeps what somebody else added to the file meanwhile', async () => {
    const file = read();
    const [first, second] = file.profiles;
    const pulled = { ...first!, name: 'from a colleague' };
    fs.writeFileSync(FILE, JSON.stringify({ ...file, profiles: [first, second, pulled] }));
    // a click on a row that is drawn anew in this moment would go nowhere
    await onPage.treeRow('Profiles', 'from a colleague');
    await onPage.treeAction('Profiles', 'another', 'Delete Profile');
    await eventually(() => !names().includes('another'), 'deleted');
    assert.deepEqual(
      read().profiles.map(({ name }) => name),
      ['tiny at half', 'from a colleague'],
    );
  });

  for (const [what, text] of [
    ['is not JSON', '{ "version": 1, "profiles": [ '],
    ['has profiles without a model', '{ "version": 1, "profiles": [ { "name": "x" } ] }'],
    ['is of a later version', '{ "version": 2, "profiles": [] }'],
  ] as const) {
    it(`does not overwrite a file that ${what}, and says so`, async () => {
      fs.writeFileSync(FILE, text);
      await vscode.commands.executeCommand('notifications.clearAll');
      save();
      await onPage.typeInBox('lost?');
      const said = await onPage.notification('Save as Profile');
      assert.match(said, /vram-pilot\.profiles\.json: \S/);
      assert.equal(fs.readFileSync(FILE, 'utf8'), text);
      assert.ok(!names().includes('lost?'));
      await vscode.commands.executeCommand('notifications.clearAll');
    });
  }
});
