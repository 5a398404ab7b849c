/** One word when a server that was started from this window fails: its cause, and what can be done about it. */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { COMMANDS } from '../contributions';
import { deployWish } from '../commands/deployCommand';

const START = 'Start Corrected…';
const EXPLAIN = 'Explain';
const PULL = 'Pull';
/** Said already, to whoever asked for the launch. */
const SAID = 'not_started';

/** Once per server, as soon as its corrected launch is known; a stop that was asked for is no failure. */
export function noticeFailures(app: App): vscode.Disposable {
  const noticed = new Set<string>();
  const unwatch = app.store.watch(
    (state) => state.servers,
    (servers) => {
      for (const server of servers) {
        if (noticed.has(server.id) || !isNews(server)) continue;
        noticed.add(server.id);
        void notice(app, server);
      }
    },
  );
  return new vscode.Disposable(unwatch);
}

function isNews({ failure, stopRequested, diagnosis, seen }: Server): boolean {
  return failure?.isOwn === true && !stopRequested && !seen && diagnosis?.cause?.id !== SAID;
}

async function notice(app: App, server: Server): Promise<void> {
  const { id, title, wish, endReason, diagnosis, failure } = server;
  const what = endReason === 'crashed' ? 'crashed' : 'failed';
  const cause = diagnosis?.cause?.title;
  const culprit = failure?.culprits[0];
  const text = [`${title} ${what}${cause === undefined ? '' : `: ${cause}`}.`, culprit]
    .filter((part) => part !== undefined)
    .join(' ');
  // a daemon that had to be started first could not be asked before
  const lacks = wish.engine === 'ollama' && diagnosis?.cause?.id === 'model_not_found';
  const first = lacks ? PULL : failure?.correction ? START : null;
  const buttons = first === null ? [EXPLAIN] : [first, EXPLAIN];
  const chosen = await vscode.window.showErrorMessage(text, ...buttons);
  if (chosen === PULL) await deployWish(app, wish, { force: false, pull: true });
  if (chosen === START) await vscode.commands.executeCommand(COMMANDS.startCorrected, id);
  if (chosen === EXPLAIN) await vscode.commands.executeCommand(COMMANDS.explainLastFailure, id);
}
