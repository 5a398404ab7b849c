/** To the clipboard, as the status bar then says for two seconds. */
import * as vscode from 'vscode';

export async function copyText(text: string, said = 'Copied'): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(said, 2_000);
}
