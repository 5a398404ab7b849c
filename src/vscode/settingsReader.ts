/** Reads VS Code's settings through the schema; a wrong value is said once, with a way to it. */
import * as vscode from 'vscode';
import { parseSettings, type Settings } from '../app/settings';
import { SETTINGS_SECTION } from './contributions';

export function readSettings(): Settings {
  const section = vscode.workspace.getConfiguration(SETTINGS_SECTION);
  const { settings, invalid } = parseSettings((key) => section.get(key));
  for (const { key, found } of invalid) void reportOnce(key, found);
  return settings;
}

const reported = new Set<string>();

async function reportOnce(key: string, found: string): Promise<void> {
  const fault = `${key}=${found}`;
  if (reported.has(fault)) return;
  reported.add(fault);
  const open = 'Open Setting';
  const chosen = await vscode.window.showWarningMessage(
    `The setting ${SETTINGS_SECTION}.${key} can't be ${found}; its default is used.`,
    open,
  );
  if (chosen === open) {
    await vscode.commands.executeCommand(
      'workbench.action.openSettings',
      `${SETTINGS_SECTION}.${key}`,
    );
  }
}
