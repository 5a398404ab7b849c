/** Failures in words, with at most two buttons. Only for results of the user's own action. */
import * as vscode from 'vscode';
import type { Failure } from '../shared/failure';
import { COMMANDS, SETTINGS_SECTION } from './contributions';
import { showLog } from './log';
import { openSetting } from './openSetting';

interface Button {
  readonly label: string;
  readonly press: () => unknown;
}

const run = (command: string, argument?: string) => () =>
  vscode.commands.executeCommand(command, argument);

const LOG: Button = { label: 'Open Log', press: showLog };
const SETTINGS: Button = {
  label: 'Open Settings',
  press: () => openSetting(SETTINGS_SECTION),
};
const GET: Button = { label: 'Get vLLM or Ollama…', press: run(COMMANDS.getEngine) };
const TRUST: Button = { label: 'Manage Trust', press: run('workbench.trust.manage') };

/** Of all other reasons: the log. */
const BUTTONS: Readonly<Partial<Record<Failure['reason'], readonly Button[]>>> = {
  toolMissing: [GET, SETTINGS],
  invalid: [],
  notTrusted: [TRUST],
  cancelled: [],
};

/** @param what the act that failed, as the user would name it */
export async function sayFailure(what: string, failure: Failure): Promise<void> {
  const buttons = BUTTONS[failure.reason] ?? [LOG];
  const chosen = await vscode.window.showErrorMessage(
    `${what}: ${failure.detail}`,
    ...buttons.map((button) => button.label),
  );
  await buttons.find(({ label }) => label === chosen)?.press();
}
