/** The file of saved launches in the editor, and its changes from outside: a pull, a correction by hand. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { App } from '../../app/app';

export async function openProfilesFile(app: App): Promise<void> {
  const uri = vscode.Uri.file(app.profilesFile);
  try {
    await vscode.workspace.fs.stat(uri);
  } catch {
    void vscode.window.showInformationMessage('No launch has been saved yet.');
    return;
  }
  await vscode.window.showTextDocument(uri);
}

export function followProfilesFile(app: App): vscode.Disposable {
  const folder = vscode.Uri.file(path.dirname(app.profilesFile));
  const pattern = new vscode.RelativePattern(folder, path.basename(app.profilesFile));
  const watcher = vscode.workspace.createFileSystemWatcher(pattern);
  const read = () => void app.readProfiles();
  watcher.onDidChange(read);
  watcher.onDidCreate(read);
  watcher.onDidDelete(read);
  return watcher;
}
