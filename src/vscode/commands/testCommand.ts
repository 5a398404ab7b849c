/** A ready server is tried, measured, and told to others. */
import * as vscode from 'vscode';
import { loadReport } from '../../app/requests/loadReport';
import type { LoadProgress } from '../../app/requests/loadStep';
import { promptSummary } from '../../app/requests/prompts';
import { clientUrlOf } from '../../app/servers/serverText';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { formatPercent } from '../../shared/units';
import { reach } from '../contextKeys';
import { copyText } from '../copyText';
import { sayFailure } from '../messages';
import { showReport } from '../documents/reportDocuments';

const LOAD = 'Run Short Load…';
const CURL = 'Copy curl';
const KEY = 'Copy API Key';
/** Of the answer, while it comes in. */
const SHOWN_CHARACTERS = 60;

export async function sendTestPrompt(app: App, server: Server): Promise<void> {
  const answer = await inProgress(`Asking ${server.title}`, (signal, say) =>
    app.sendTestPrompt(server, signal, (text) => say(`…${text.slice(-SHOWN_CHARACTERS)}`)),
  );
  if (!answer.ok) {
    if (answer.failure.reason !== 'cancelled') await sayFailure('Test prompt', answer.failure);
    return;
  }
  reach('hasServedAnswer');
  const summary = promptSummary(answer.value);
  const chosen = await vscode.window.showInformationMessage(summary, LOAD, CURL);
  if (chosen === LOAD) await runTestLoad(app, server);
  if (chosen === CURL) await copyCurl(app, server);
}

export async function runTestLoad(app: App, server: Server): Promise<void> {
  const load = await inProgress(`Short load on ${server.title}`, (signal, say) =>
    app.runTestLoad(server, signal, (progress, kvUse) => say(progressText(progress, kvUse))),
  );
  if (load.ok) {
    const now = app.store.state().servers.find(({ id }) => id === server.id) ?? server;
    await showReport('short-load.md', loadReport(now, load.value, app.now()));
  } else if (load.failure.reason !== 'cancelled') await sayFailure('Short load', load.failure);
}

/** What is copied to be asked elsewhere counts as use. */
export async function copyEndpoint(server: Server): Promise<void> {
  await copyText(clientUrlOf(server));
  reach('hasServedAnswer');
}

export async function copyCurl(app: App, server: Server): Promise<void> {
  await copyText(await app.curlFor(server));
  reach('hasServedAnswer');
  if ((await app.apiKeyOf(server)) === null) return;
  const said = 'Copied. The command takes the API key from $VLLM_API_KEY.';
  const chosen = await vscode.window.showInformationMessage(said, KEY);
  if (chosen === KEY) await copyApiKey(app, server);
}

export async function copyApiKey(app: App, server: Server): Promise<void> {
  const key = await app.apiKeyOf(server);
  if (key === null) {
    void vscode.window.showWarningMessage(
      `The API key of ${server.title} is not known here; restart the server to have a new one.`,
    );
    return;
  }
  await copyText(key, 'API key copied');
}

function progressText(progress: LoadProgress, kvUse: number | null): string {
  const { atOnce, done, total, piecesPerSecond } = progress;
  return [
    `${atOnce === 1 ? 'one after another' : `${String(atOnce)} at once`}: ${String(done)} of ${String(total)}`,
    piecesPerSecond === null ? null : `${piecesPerSecond.toFixed(0)} tokens/s`,
    kvUse === null ? null : `KV ${formatPercent(kvUse)}`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

/** With a way to cancel. */
function inProgress<T>(
  title: string,
  act: (signal: AbortSignal, say: (message: string) => void) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (progress, token) => {
    const abort = new AbortController();
    token.onCancellationRequested(() => abort.abort());
    return act(abort.signal, (message) => progress.report({ message }));
  });
}
