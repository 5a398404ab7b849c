/** What a window says while something is missing or wrong: an engine, a setting, the profiles file. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';
import { removeServers } from '../removeServers';
import { setting } from '../setting';

const PROFILES = path.join(
  vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '',
  '.vscode/vram-pilot.profiles.json',
);

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { command: string }[];
    readonly menus: { readonly commandPalette: readonly { command: string; when: string }[] };
  };
}

const settings = () => vscode.workspace.getConfiguration('vramPilot');

describe('first run in a folder', () => {
  let api: VramPilotApi;

  /** Sets them for one test, and takes back what was there. */
  async function withSettings(given: Record<string, unknown>, body: () => Promise<void>) {
    const before = Object.keys(given).map(
      (key) => [key, settings().inspect(key)?.globalValue] as const,
    );
    try {
      for (const [key, value] of Object.entries(given)) await setting(key, value);
      await body();
    } finally {
      for (const [key, value] of before) await setting(key, value);
    }
  }

  before(async function () {
    if (!hasPage) this.skip();
    api = await readyApi();
    await removeServers(api);
    fs.rmSync(PROFILES, { force: true });
    await vscode.commands.executeCommand('vramPilot.refresh');
    await onPage.openSideBar();
  });

  after(() => fs.rmSync(PROFILES, { force: true }));

  it('offers to deploy where an engine was found', async () => {
    const text = await onPage.welcomeText('Servers');
    assert.match(text, /No server is running\.\s*Deploy a Model/);
    assert.doesNotMatch(text, /Neither|not trusted|No model was found/);
  });

  it('answers every command of the palette where nothing was done yet', async () => {
    const { contributes } = vscode.extensions.getExtension('vram-pilot.vram-pilot')!
      .packageJSON as Manifest;
    const hidden = contributes.menus.commandPalette.filter(({ when }) => when === 'false');
    const shown = contributes.commands
      .map(({ command }) => command)
      .filter((command) => !hidden.some((entry) => entry.command === command));
    assert.ok(shown.length > 25);
    const thrown: string[] = [];
    for (const command of shown) {
      const done = vscode.commands.executeCommand(command).then(undefined, (error: unknown) => {
        thrown.push(`${command}: ${String(error)}`);
      });
      // what asks goes on until it is answered
      await Promise.race([done, new Promise((next) => setTimeout(next, 300))]);
      await onPage.press('Escape', 'Escape');
    }
    assert.deepEqual(thrown, []);
    assert.deepEqual(api.getState().servers, [], 'and starts nothing');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.commands.executeCommand('notifications.clearAll');
    await onPage.openSideBar();
  });

  it('says how to get an engine where none was found, and takes it back without a reload', async () => {
    const none = { 'vllm.executablePath': '/nowhere/vllm', 'ollama.executablePath': '/nowhere/o' };
    await withSettings(none, async () => {
      await eventually(
        async () => (await onPage.welcomeText('Servers')).includes('Neither vLLM nor Ollama'),
        'the word about engines',
      );
      assert.doesNotMatch(await onPage.welcomeText('Servers'), /Deploy a Model/);
      void vscode.commands.executeCommand('vramPilot.getEngine');
      const entries = await onPage.pickEntries();
      assert.ok(
        entries.some((entry) => entry.includes('How to install vLLM')),
        entries.join('\n'),
      );
      assert.ok(
        entries.some((entry) => entry.includes('Download Ollama')),
        entries.join('\n'),
      );
      assert.ok(
        entries.some((entry) => entry.includes('set the path of vLLM')),
        entries.join('\n'),
      );
      await onPage.screenshot('get-engine');
      await onPage.press('Escape');
    });
    await eventually(
      async () => (await onPage.welcomeText('Servers')).includes('Deploy a Model'),
      'the offer again',
    );
  });

  it('says that there is no GPU where none answers, and takes it back', async () => {
    // a tool that is named and missing is a failure, which is shown; here none is named
    const none = { 'monitor.executablePath': '', 'monitor.source': 'jetson' };
    await withSettings(none, async () => {
      await eventually(() => api.getState().gpu.status === 'absent', 'no GPU');
      const text = await onPage.welcomeText('GPUs');
      assert.match(text, /No GPU was found/);
      assert.match(text, /Look Again/);
      assert.match(text, /a simulated GPU/);
      await onPage.screenshot('no-gpu');
    });
    await onPage.treeRow('GPUs', 'of 24.0 GiB');
  });

  it('shows a broken profiles file in the view, opens it, and reads it once it is right', async () => {
    assert.match(await onPage.welcomeText('Profiles'), /Launches that you save appear here/);
    fs.mkdirSync(path.dirname(PROFILES), { recursive: true });
    fs.writeFileSync(PROFILES, '{ "version": 1, "profiles": [ ');
    assert.match(await onPage.treeRow('Profiles', "can't be read"), /Open File/);
    await onPage.screenshot('broken-profiles');
    await onPage.clickTreeRow('Profiles', "can't be read");
    await eventually(
      () => vscode.window.activeTextEditor?.document.uri.fsPath === PROFILES,
      'the file in an editor',
    );
    const edit = new vscode.WorkspaceEdit();
    const { document } = vscode.window.activeTextEditor!;
    const all = new vscode.Range(0, 0, document.lineCount, 0);
    const right = '{"version":1,"profiles":[{"name":"by hand","model":"org/m"}]}';
    edit.replace(document.uri, all, right);
    assert.ok(await vscode.workspace.applyEdit(edit));
    assert.ok(await document.save());
    await onPage.treeRow('Profiles', 'by hand');
    await eventually(
      async () => (await onPage.treeRows('Profiles')).length === 1,
      'the row of the problem gone',
    );
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('says of wrong settings what they are, uses the defaults, and leaves the file alone', async () => {
    const wrong = { 'statusBar.warnAtPercent': '85', 'ollama.executablePath': 'ollama' };
    await withSettings(wrong, async () => {
      const said = await onPage.notification('vramPilot.statusBar.warnAtPercent');
      assert.match(said, /can't be "85"/);
      assert.equal(settings().inspect('statusBar.warnAtPercent')?.globalValue, '85');
      await onPage.notification('vramPilot.ollama.executablePath can\'t be "ollama"');
    });
    await vscode.commands.executeCommand('notifications.clearAll');
  });

  it('takes a changed setting at once: gauge hidden and shown, warning at another share', async () => {
    const shows = async () =>
      (await onPage.statusBar()).some(({ id }) => id.includes('vramPilot.gauge'));
    await withSettings({ 'statusBar.visibility': 'never' }, () =>
      eventually(async () => !(await shows()), 'the gauge hidden'),
    );
    await eventually(shows, 'the gauge back');
    const pressure = () => api.getState().gpu.pressure[0];
    await withSettings({ 'statusBar.warnAtPercent': 1 }, () =>
      eventually(() => pressure() !== 'ok', 'pressure at 1 %'),
    );
    await eventually(() => pressure() === 'ok', 'no pressure at 85 %');
  });
});
