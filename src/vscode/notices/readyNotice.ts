/** One quiet word when a server that was started from this window is ready: it can be tried at once. */
import * as vscode from 'vscode';
import { endpointOf } from '../../app/servers/serverText';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { COMMANDS } from '../contributions';

const TRY = 'Send Test Prompt';
const COPY = 'Copy URL';
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
  if (chosen === TRY) await vscode.commands.executeCommand(COMMANDS.sendTestPrompt, server.id);
  if (chosen === COPY) await vscode.commands.executeCommand(COMMANDS.copyEndpoint, server.id);
}
