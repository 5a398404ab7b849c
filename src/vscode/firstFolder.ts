/** The folder servers start in and profiles are kept in: the first on this machine's disk; one of a repository elsewhere has no path here. */
import * as vscode from 'vscode';

export function firstFolder(): vscode.WorkspaceFolder | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file');
}
