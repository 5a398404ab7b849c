/** Opens the settings at one of ours, or at a group of them. */
import * as vscode from 'vscode';

/** Those of a machine are not listed under User in a remote window, where a search opens; under Remote all are. */
export function openSetting(query: string): Thenable<unknown> {
  return vscode.env.remoteName === undefined
    ? vscode.commands.executeCommand('workbench.action.openSettings', query)
    : vscode.commands.executeCommand('workbench.action.openRemoteSettings', { query });
}
