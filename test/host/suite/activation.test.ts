import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { hasPage, onPage } from '../../ui/onPage';

const ID = 'vram-pilot.vram-pilot';

describe('activation', () => {
  it('finds the extension and activates it', async () => {
    const extension = vscode.extensions.getExtension(ID);
    assert.ok(extension, `${ID} is not installed in this window`);
    await extension.activate();
    assert.equal(extension.isActive, true);
  });

  it('registers every command of package.json', async () => {
    const manifest = vscode.extensions.getExtension(ID)!.packageJSON as {
      contributes: { commands: { command: string }[] };
    };
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = manifest.contributes.commands
      .map(({ command }) => command)
      .filter((command) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('names no command of the editor that it lacks', async () => {
    const { extensionPath } = vscode.extensions.getExtension(ID)!;
    const named = ['dist/extension.js', 'package.nls.json'].flatMap((file) => [
      ...fs
        .readFileSync(path.join(extensionPath, file), 'utf8')
        .matchAll(/["'`:](workbench\.[\w.]+\w)/g),
    ]);
    assert.ok(named.length > 0);
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = named.flatMap(([, id]) => (id && !registered.has(id) ? id : []));
    assert.deepEqual(missing, []);
  });

  it('shows the memory of the GPU in the status bar', async function () {
    if (!hasPage) this.skip();
    // The window's fake nvidia-smi has 24,564 MiB; what is in use depends on engine processes of this machine too.
    const { text } = await onPage.gauge('/24.0 GiB');
    assert.match(text, /\b\d+\.\d\/24\.0 GiB/);
  });
});
