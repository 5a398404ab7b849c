/** The user's token for the hub: kept by the editor's own secret storage, asked for when a model needs it. */
import * as vscode from 'vscode';
import { cleanToken } from '../app/models/hubEnvironment';
import type { Secrets } from '../app/ports';
import type { App } from '../app/app';

export const HUB_TOKEN = 'vramPilot.hubToken';

/** Once per model and session, when the user chose one that is not given away without a token. */
export function askForHubToken(app: App, secrets: Secrets): vscode.Disposable {
  const asked = new Set<string>();
  const unwatch = app.store.watch(
    (state) => (state.model?.needsToken === true ? state.model : null),
    (model) => {
      if (!model || asked.has(model.id)) return;
      asked.add(model.id);
      void offerToken(app, secrets, model.notes?.at(-1) ?? '');
    },
  );
  return new vscode.Disposable(unwatch);
}

async function offerToken(app: App, secrets: Secrets, why: string): Promise<void> {
  const enter = 'Enter Token…';
  const chosen = await vscode.window.showInformationMessage(why, enter);
  if (chosen !== enter) return;
  const typed = await vscode.window.showInputBox({
    title: 'Token for the model hub',
    prompt: 'Read access is enough. Kept in the secret storage of VS Code; empty forgets it.',
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) =>
      text.trim() === '' || cleanToken(text) !== null ? undefined : 'This is no token.',
  });
  if (typed === undefined) return;
  if (await secrets.set(HUB_TOKEN, cleanToken(typed))) app.hubTokenChanged();
  else
    await vscode.window.showWarningMessage(
      'The token could not be kept: VS Code has no secret storage here. Set HF_TOKEN instead.',
    );
}
