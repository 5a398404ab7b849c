/** Reads VS Code's settings through the schema; what can't be used is said once, with a way to it. */
import * as vscode from 'vscode';
import type { Log } from '../app/ports';
import { parseSettings, type SettingKey, type Settings } from '../app/settings';
import { SETTINGS_SECTION } from './contributions';
import { openSetting } from './openSetting';

interface Invalid {
  readonly key: SettingKey;
  readonly found: string;
}

/** The default stands in for a wrong value; the file that holds it is left as it is. */
export function readSettings(log: Log): Settings {
  const section = vscode.workspace.getConfiguration(SETTINGS_SECTION);
  const { settings, invalid } = parseSettings((key) => section.get(key));
  const news = invalid.filter(({ key, found }) => !said.has(`${key}=${found}`));
  for (const { key, found } of news) {
    said.add(`${key}=${found}`);
    log.warn('settings', 'not used, the default is', { key, found });
  }
  if (news.length > 0) void say(news);
  return settings;
}

const said = new Set<string>();

async function say(invalid: readonly Invalid[]): Promise<void> {
  const names = invalid.map(({ key, found }) => `${SETTINGS_SECTION}.${key} can't be ${found}`);
  const [first, ...others] = invalid;
  const isOne = others.length === 0;
  const used = isOne ? 'Its default is used.' : 'Their defaults are used.';
  const open = isOne ? 'Open Setting' : 'Open Settings';
  const chosen = await vscode.window.showWarningMessage(`${names.join('; ')}. ${used}`, open);
  if (chosen !== open) return;
  const search = isOne ? `${SETTINGS_SECTION}.${first?.key ?? ''}` : SETTINGS_SECTION;
  await openSetting(search);
}
