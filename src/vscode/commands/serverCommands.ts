/** What is done to one server: the one given (a row, an id), the only one there is, or the one picked. */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import { serverDetail } from '../../app/servers/serverText';
import type { Server } from '../../app/state';
import { showExplanation, showLastOutput, showOutputAt } from '../documents/outputDocuments';
import { showLog } from '../log';
import { sayFailure } from '../messages';
import { serverIdOf } from '../trees/serversTree';
import { confirmStopOfAdopted } from './adoptCommand';

export const isReady = (server: Server) => server.phase === 'ready';
/** One that sleeps would answer when it is woken up. */
export const isAwake = (server: Server) => isReady(server) && server.asleep !== true;
const isLive = (server: Server) => server.phase !== 'ended';
export const isRemovable = (server: Server) => !isLive(server) || server.origin === 'adopted';

/** Runs `act` on the server given, on the only one there is, or on the one picked. */
export async function withServer(
  app: App,
  argument: unknown,
  matches: (server: Server) => boolean,
  verb: string,
  act: (server: Server) => unknown,
): Promise<void> {
  const candidates = app.store.state().servers.filter(matches);
  const id = serverIdOf(argument);
  const given = candidates.find((server) => server.id === id);
  if (candidates.length === 0 || (id !== null && !given)) {
    const what = id === null ? 'There is no server' : 'This server is not one';
    void vscode.window.showInformationMessage(`${what} to ${verb} now.`);
    return;
  }
  const only = candidates.length === 1 && id === null ? candidates[0] : undefined;
  const server = given ?? only ?? (await pickServer(app, candidates, verb));
  if (server) await act(server);
}

async function pickServer(
  app: App,
  servers: readonly Server[],
  verb: string,
): Promise<Server | undefined> {
  const items = servers.map((server) => ({
    label: server.title,
    description: serverDetail(server, app.now()),
    server,
  }));
  return (await vscode.window.showQuickPick(items, { title: `Server to ${verb}` }))?.server;
}

export async function stopServer(app: App, argument: unknown, force: boolean): Promise<void> {
  await withServer(app, argument, isLive, force ? 'force stop' : 'stop', async (server) => {
    if (server.origin === 'adopted' && !(await confirmStopOfAdopted(server))) return;
    const result = await app.stop(server.id, { force });
    if (result.ok) return;
    if (force) return sayFailure(`Stopping ${server.title}`, result.failure);
    const again = 'Force Stop';
    const chosen = await vscode.window.showErrorMessage(
      `Stopping ${server.title}: ${result.failure.detail}`,
      again,
    );
    if (chosen === again) await stopServer(app, server.id, true);
  });
}

export async function setAsleep(app: App, argument: unknown, asleep: boolean): Promise<void> {
  const matches = (server: Server) => isReady(server) && server.asleep === !asleep;
  const verb = asleep ? 'put to sleep' : 'wake up';
  await withServer(app, argument, matches, verb, async (server) => {
    const result = await app.setAsleep(server.id, asleep);
    const what = asleep ? 'Putting it to sleep' : 'Waking it up';
    if (!result.ok) await sayFailure(what, result.failure);
  });
}

export async function restartServer(app: App, argument: unknown): Promise<void> {
  await withServer(
    app,
    argument,
    () => true,
    'restart',
    async (server) => {
      const result = await app.restart(server.id);
      if (!result.ok) await sayFailure(`Restarting ${server.title}`, result.failure);
    },
  );
}

export async function explainFailure(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const failures = app.store
    .state()
    .servers.filter((server) => server.endReason === 'failed' || server.endReason === 'crashed');
  const server = id === null ? failures.at(-1) : failures.find((one) => one.id === id);
  if (!server) {
    void vscode.window.showInformationMessage(
      id === null ? 'No server has failed.' : 'This server has not failed.',
    );
    return;
  }
  app.markSeen(server.id);
  await showExplanation(server.id);
}

export async function showOutput(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  if (id === null) {
    if (app.store.state().servers.length === 0) showLog();
    else
      await withServer(
        app,
        argument,
        () => true,
        'show the output of',
        (one) => showOutput(app, one.id),
      );
    return;
  }
  app.markSeen(id);
  const line = (argument as { line?: unknown }).line;
  if (typeof line === 'number' && (await showOutputAt(app, id, line))) return;
  if (!(await app.reveal(id)) && !(await showLastOutput(app, id))) showLog();
}
