/**
 * What servers printed, and why they failed, as documents to read: they stay when the terminal is gone, can't be
 * changed, and ask nobody to save them. The explanation's evidence links into the output.
 */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import { OUTPUT_SCHEME } from '../contributions';

/** Output comes in bursts; an open document is brought up to date this often. */
const REFRESH_MS = 500;
const OUTPUT_NAME = 'output.log';
const EXPLANATION_NAME = 'explanation.md';
/** As `explainFailure` begins the lines of its evidence. */
const EVIDENCE_LINE = /^\s*line (\d+): /;

const uriOf = (serverId: string, name: string): vscode.Uri =>
  vscode.Uri.from({ scheme: OUTPUT_SCHEME, path: `/${serverId}/${name}` });

export function provideOutputDocuments(app: App): vscode.Disposable {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const due = new Map<string, ReturnType<typeof setTimeout>>();
  const idOf = (uri: vscode.Uri): string => uri.path.split('/')[1] ?? '';
  const stopWatching = app.store.watch(
    (state) => state.servers,
    (servers) => {
      const open = new Set(vscode.workspace.textDocuments.map(({ uri }) => uri.path));
      for (const { id } of servers) {
        const uri = uriOf(id, EXPLANATION_NAME);
        if (open.has(uri.path)) changed.fire(uri);
      }
    },
  );
  const stopListening = app.outputs.listen((id) => {
    if (due.has(id)) return;
    const tell = () => {
      due.delete(id);
      changed.fire(uriOf(id, OUTPUT_NAME));
    };
    due.set(id, setTimeout(tell, REFRESH_MS));
  });

  const content: vscode.TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent(uri) {
      if (uri.path.endsWith(`/${EXPLANATION_NAME}`)) {
        const server = app.store.state().servers.find(({ id }) => id === idOf(uri));
        return server ? app.explain(server) : 'This server is no longer in the list.';
      }
      return app.outputs.tailOf(idOf(uri))?.lines.join('\n') ?? 'Its output is no longer kept.';
    },
  };
  const links: vscode.DocumentLinkProvider = {
    provideDocumentLinks(document) {
      if (!document.uri.path.endsWith(`/${EXPLANATION_NAME}`)) return [];
      const id = idOf(document.uri);
      return Array.from({ length: document.lineCount }, (_, at) => document.lineAt(at)).flatMap(
        ({ text, range }) => {
          const place = placeOf(app, id, Number(EVIDENCE_LINE.exec(text)?.[1]));
          if (place === null) return [];
          const target = uriOf(id, OUTPUT_NAME).with({ fragment: `L${String(place + 1)}` });
          return [new vscode.DocumentLink(range, target)];
        },
      );
    },
  };
  return vscode.Disposable.from(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(OUTPUT_SCHEME, content),
    vscode.languages.registerDocumentLinkProvider({ scheme: OUTPUT_SCHEME }, links),
    new vscode.Disposable(() => {
      stopListening();
      stopWatching();
      for (const timer of due.values()) clearTimeout(timer);
    }),
  );
}

export async function showExplanation(serverId: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uriOf(serverId, EXPLANATION_NAME));
  await vscode.window.showTextDocument(document, { preview: true });
}

/** At a line of the output, by its number there. False: that line is not kept. */
export async function showOutputAt(app: App, serverId: string, line: number): Promise<boolean> {
  const place = placeOf(app, serverId, line);
  if (place === null) return false;
  const document = await vscode.workspace.openTextDocument(uriOf(serverId, OUTPUT_NAME));
  const selection = document.lineAt(Math.min(place, document.lineCount - 1)).range;
  await vscode.window.showTextDocument(document, { preview: true, selection });
  return true;
}

/** The last lines, where the terminal is gone. False: nothing is kept. */
export async function showLastOutput(app: App, serverId: string): Promise<boolean> {
  const tail = app.outputs.tailOf(serverId);
  return tail ? showOutputAt(app, serverId, tail.firstLine + tail.lines.length - 1) : false;
}

/** Of a line in the document, from 0; null: it is not kept. */
function placeOf(app: App, serverId: string, line: number): number | null {
  const tail = app.outputs.tailOf(serverId);
  const place = tail ? line - tail.firstLine : -1;
  return tail && place >= 0 && place < tail.lines.length ? place : null;
}
