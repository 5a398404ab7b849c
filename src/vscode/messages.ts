/** Failures in words, with at most two buttons. Only for results of the user's own action. */
import * as vscode from 'vscode';
import type { Failure } from '../shared/failure';
import { COMMANDS, SETTINGS_SECTION } from './contributions';

interface Button {
  readonly label: string;
  readonly command: string;
  readonly argument?: string;
}

const LOG: Button = { label: 'Open Log', command: 'workbench.action.output.show' };
const SETTINGS: Button = {
  label: 'Open Settings',
  command: 'workbench.action.openSettings',
  argument: SETTINGS_SECTION,
};
const GET: Button = { label: 'Get vLLM or Ollama…', command: COMMANDS.getEngine };
const TRUST: Button = { label: 'Manage Trust', command: 'workbench.trust.manage' };

const BUTTONS: Readonly<Partial<Record<Failure['reason'], readonly Button[]>>> = {
  toolMissing: [GET, SETTINGS],
  invalid: [],
  notTrusted: [TRUST],
  cancelled: [],
};

export async function sayFailure(what: string, failure: Failure): Promise<void> {
  const buttons = BUTTONS[failure.reason] ?? [LOG];
  const chosen = await vscode.window.showErrorMessage(
    `${what}: ${failure.detail}`,
    ...buttons.map((button) => button.label),
  );
  const button = buttons.find(({ label }) => label === chosen);
  if (button) await vscode.commands.executeCommand(button.command, button.argument);
}
