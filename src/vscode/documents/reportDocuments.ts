/** Reports as documents to read: they can't be changed, and ask nobody to save them. */
import * as vscode from 'vscode';
import { REPORT_SCHEME } from '../contributions';

const texts = new Map<string, string>();
const changed = new vscode.EventEmitter<vscode.Uri>();

export function provideReports(): vscode.Disposable {
  const content: vscode.TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent: ({ path }) => texts.get(path) ?? 'Ask for this report again.',
  };
  return vscode.Disposable.from(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(REPORT_SCHEME, content),
  );
}

const uriOf = (name: string) => vscode.Uri.from({ scheme: REPORT_SCHEME, path: `/${name}` });

/** What an open document of that name says from now on; opens none. */
export function updateReport(name: string, text: string): void {
  const uri = uriOf(name);
  texts.set(uri.path, text);
  changed.fire(uri);
}

/** @param name with its extension; a later report of that name takes its place */
export async function showReport(name: string, text: string): Promise<void> {
  updateReport(name, text);
  const document = await vscode.workspace.openTextDocument(uriOf(name));
  await vscode.window.showTextDocument(document, { preview: true });
}
