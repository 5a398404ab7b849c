/** "Stop All" asks once, and says once what did not stop. */
import * as vscode from 'vscode';
import { serverDetail } from '../../app/servers/serverText';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';

export async function stopAll(app: App): Promise<void> {
  const live = app.store.state().servers.filter(({ phase }) => phase !== 'ended');
  // somebody else may count on what was started elsewhere: that is stopped one at a time
  const own = live.filter(({ origin }) => origin === 'started');
  if (own.length === 0) {
    const adopted = live.length > 0 ? ' Adopted servers are stopped one at a time.' : '';
    void vscode.window.showInformationMessage(`No server of ours is running.${adopted}`);
    return;
  }
  const button = 'Stop All';
  const spared = live.filter(({ origin }) => origin !== 'started').map(({ title }) => title);
  const chosen = await vscode.window.showWarningMessage(
    `Stop ${countOf(own)}?`,
    {
      modal: true,
      detail: [
        ...own.map((server) => `${server.title}: ${serverDetail(server, app.now())}`),
        ...(spared.length > 0 ? [`Runs on, because it was adopted: ${spared.join(', ')}`] : []),
      ].join('\n'),
    },
    button,
  );
  if (chosen === button) await stopEach(app, own, false);
}

async function stopEach(app: App, servers: readonly Server[], force: boolean): Promise<void> {
  const results = await Promise.all(
    servers.map(async (server) => ({ server, result: await app.stop(server.id, { force }) })),
  );
  const failed = results.flatMap(({ server, result }) =>
    result.ok ? [] : [{ server, text: `${server.title}: ${result.failure.detail}` }],
  );
  if (failed.length === 0) return;
  const button = 'Force Stop';
  const text = `${countOf(failed)} did not stop. ${failed.map((one) => one.text).join(' ')}`;
  const chosen = await vscode.window.showErrorMessage(text, ...(force ? [] : [button]));
  const left = failed.map(({ server }) => server);
  if (chosen === button) await stopEach(app, left, true);
}

function countOf({ length }: readonly unknown[]): string {
  return length === 1 ? '1 server' : `${String(length)} servers`;
}
