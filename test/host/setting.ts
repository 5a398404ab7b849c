import * as vscode from 'vscode';

/** Sets a setting of ours for the user of the window; undefined: back to its default. */
export async function setting(key: string, value: unknown): Promise<void> {
  const section = vscode.workspace.getConfiguration('vramPilot');
  await section.update(key, value, vscode.ConfigurationTarget.Global);
}
