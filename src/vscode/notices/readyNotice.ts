/** One quiet word when a server that was started from this window is ready: it can be tried at once. */
import * as vscode from 'vscode';
import { endpointOf, serverDetail } from '../../app/servers/serverText';
import { whoServes } from '../../app/servers/whoServes';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { COMMANDS } from '../contributions';

const TRY = 'Send Test Prompt';
const COPY = 'Copy URL';
const EXPLAIN = 'Explain';
const NEVER = "Don't Show Again";
const OFF_KEY = 'readyNotice.off';

/** Of several that start one after another, the last one says it. */
export function noticeReady(app: App, memory: vscode.Memento): vscode.Disposable {
  let starting = new Set<string>();
  const unwatch = app.store.watch(
    (state) => state.servers,
    (servers) => {
      const before = starting;
      const inStart = servers.filter(({ phase }) => phase === 'starting');
      starting = new Set(inStart.map(({ id }) => id));
      const ready = servers.find(({ id, phase }) => phase === 'ready' && before.has(id));
      if (!ready || memory.get<boolean>(OFF_KEY, false)) return;
      const isLast = inStart.every(({ owner }) => owner?.pid !== ready.owner?.pid);
      if (isLast) void notice(app, ready, memory);
    },
  );
  return new vscode.Disposable(unwatch);
}

async function notice(app: App, server: Server, memory: vscode.Memento): Promise<void> {
  if (!(await app.isOwn(server))) return;
  const chosen = await vscode.window.showInformationMessage(
    `${server.title} is ready at ${endpointOf(server)}`,
    TRY,
    COPY,
    NEVER,
  );
  if (chosen === NEVER) await memory.update(OFF_KEY, true);
  if (chosen !== TRY && chosen !== COPY) return;
  // VS Code takes no notice back, so it may be answered long after the server has ended
  const serving = whoServes(server, app.store.state().servers);
  if (!serving) await sayNoLonger(app, server);
  else if (chosen === TRY)
    await vscode.commands.executeCommand(COMMANDS.sendTestPrompt, serving.id);
  else await vscode.commands.executeCommand(COMMANDS.copyEndpoint, serving.id);
}

async function sayNoLonger(app: App, { id, title }: Server): Promise<void> {
  const now = app.store.state().servers.find((one) => one.id === id);
  const detail = now ? serverDetail(now, app.now()) : 'it was taken off the list';
  const buttons = now?.failure ? [EXPLAIN] : [];
  const chosen = await vscode.window.showWarningMessage(
    `${title} is no longer ready: ${detail}.`,
    ...buttons,
  );
  if (chosen === EXPLAIN) await vscode.commands.executeCommand(COMMANDS.explainLastFailure, id);
}
