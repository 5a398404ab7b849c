/** Every command, registered in one place; each says why it cannot run rather than doing nothing. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { asksForKey } from '../app/requests/apiKeys';
import { DOES_NOT_FIT } from '../app/launching/deploy';
import { clientUrlOf, serverDetail } from '../app/servers/serverText';
import type { App } from '../app/app';
import type { Profile, Server } from '../app/state';
import { wishSchema, type Wish } from '../shared/wish';
import { adoptServer, confirmStopOfAdopted } from './commands/adoptCommand';
import { cleanUp } from './commands/cleanUpCommand';
import { reach } from './contextKeys';
import { COMMANDS } from './contributions';
import { startCorrected, tryStepUp } from './commands/correctedCommand';
import { deployFromPalette, deployWish } from './commands/deployCommand';
import { getEngine } from './commands/getEngine';
import { forgetLearned, showLearned } from './commands/learnedCommand';
import { sayFailure } from './messages';
import { pickModel } from './commands/modelPicker';
import { showExplanation, showLastOutput, showOutputAt } from './documents/outputDocuments';
import { showReport } from './documents/reportDocuments';
import type { PlannerPanel } from './plannerPanel';
import { openProfilesFile } from './documents/profilesFile';
import { serverIdOf } from './trees/serversTree';
import { startAllProfiles } from './commands/startAllCommand';
import { stopAll } from './commands/stopAllCommand';
import { copyApiKey, copyCurl, runTestLoad, sendTestPrompt } from './commands/testCommand';
import type { WorkersCommand } from './commands/workersCommand';

const launchArgumentSchema = z.object({ wish: wishSchema, force: z.boolean() });

export function registerCommands(
  app: App,
  panel: PlannerPanel,
  workers: Pick<WorkersCommand, 'plan'>,
): vscode.Disposable {
  const handlers: Record<keyof typeof COMMANDS, (argument?: unknown) => unknown> = {
    deploy: (argument) => deploy(app, panel, argument),
    getEngine: () => getEngine(app),
    openPlanner: (argument) => openPlanner(app, panel, argument),
    stopServer: (argument) => stop(app, argument, false),
    forceStopServer: (argument) => stop(app, argument, true),
    restartServer: (argument) => restart(app, argument),
    stopAll: () => stopAll(app),
    putToSleep: (argument) => setAsleep(app, argument, true),
    wakeUp: (argument) => setAsleep(app, argument, false),
    startAll: (argument) => startAllProfiles(app, argument),
    adoptServer: (argument) => adoptServer(app, argument),
    cancelQueued: (argument) => stop(app, argument, false),
    cleanUp: (argument) => cleanUp(app, argument),
    explainLastFailure: (argument) => explainFailure(app, argument),
    startCorrected: (argument) => startCorrected(app, argument),
    stepUp: (argument) => tryStepUp(app, argument),
    planWorkers: (argument) => workers.plan(argument),
    copyLaunchCommand: (argument) => copyLaunchCommand(app, argument),
    copyEndpoint: (argument) =>
      withServer(app, argument, isReady, 'copy the URL of', (server) =>
        copyForUse(clientUrlOf(server)),
      ),
    copyCurl: (argument) =>
      withServer(app, argument, isReady, 'copy a curl command for', (server) =>
        copyCurl(app, server),
      ),
    copyApiKey: (argument) =>
      withServer(app, argument, asksForKey, 'copy the API key of', (server) =>
        copyApiKey(app, server),
      ),
    sendTestPrompt: (argument) =>
      withServer(app, argument, isAwake, 'send a test prompt to', (server) =>
        sendTestPrompt(app, server),
      ),
    runTestLoad: (argument) =>
      withServer(app, argument, isAwake, 'put under a short load', (server) =>
        runTestLoad(app, server),
      ),
    showPlanReport: async () => showReport('plan.txt', await app.planReport()),
    saveProfile: (argument) => saveProfile(app, argument),
    deployProfile: (argument) => {
      const profile = profileOf(app, argument);
      return profile && deployWish(app, profile.wish);
    },
    deleteProfile: (argument) => deleteProfile(app, argument),
    openProfilesFile: () => openProfilesFile(app),
    showServerOutput: (argument) => showOutput(app, argument),
    removeServer: async (argument) => {
      const id = serverIdOf(argument);
      if (id !== null) await app.remove(id);
    },
    showGpuReport: async () => showReport('gpu-report.md', await app.gpuReport()),
    exportDiagnostics: () => showText('json', app.diagnostics()),
    showLearned: () => showLearned(app),
    forgetLearned: (argument) => forgetLearned(app, argument),
    refresh: () => app.refresh(),
  };
  return vscode.Disposable.from(
    ...Object.entries(COMMANDS).map(([name, id]) =>
      vscode.commands.registerCommand(id, handlers[name as keyof typeof COMMANDS]),
    ),
  );
}

const NO_MODEL = 'Choose a model first: Deploy Model… or Open Planner.';

const isReady = (server: Server) => server.phase === 'ready';
/** One that sleeps would answer when it is woken up. */
const isAwake = (server: Server) => isReady(server) && server.asleep !== true;
const isLive = (server: Server) => server.phase !== 'ended';

async function deploy(app: App, panel: PlannerPanel, argument: unknown): Promise<string | null> {
  const given = z.safeParse(launchArgumentSchema, argument);
  if (given.success) {
    // who presses Deploy Anyway on the page has seen the verdict, and nothing else that may speak against it
    const accepted = given.data.force ? [DOES_NOT_FIT] : [];
    return deployWish(app, given.data.wish, { force: false, accepted });
  }
  return deployFromPalette(app, () => panel.show('utilization'));
}

async function openPlanner(app: App, panel: PlannerPanel, argument: unknown): Promise<void> {
  const profile = profileOf(app, argument);
  if (profile) app.setWish(profile.wish, 'host');
  if (argument === 'chooseModel') {
    const chosen = await pickModel(app);
    if (!chosen) return;
    app.setWish(await app.defaultWish(chosen.engine, chosen.model), 'host');
  }
  panel.show();
}

async function stop(app: App, argument: unknown, force: boolean): Promise<void> {
  await withServer(app, argument, isLive, force ? 'force to stop' : 'stop', async (server) => {
    if (server.origin === 'adopted' && !(await confirmStopOfAdopted(server))) return;
    const result = await app.stop(server.id, { force });
    if (result.ok) return;
    if (force) return sayFailure(`Stopping ${server.title}`, result.failure);
    const again = 'Force Stop';
    const chosen = await vscode.window.showErrorMessage(
      `Stopping ${server.title}: ${result.failure.detail}`,
      again,
    );
    if (chosen === again) await stop(app, server.id, true);
  });
}

async function setAsleep(app: App, argument: unknown, asleep: boolean): Promise<void> {
  const matches = (server: Server) => isReady(server) && server.asleep === !asleep;
  const verb = asleep ? 'put to sleep' : 'wake up';
  await withServer(app, argument, matches, verb, async (server) => {
    const result = await app.setAsleep(server.id, asleep);
    const what = asleep ? 'Putting it to sleep' : 'Waking it up';
    if (!result.ok) await sayFailure(what, result.failure);
  });
}

async function restart(app: App, argument: unknown): Promise<void> {
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

async function explainFailure(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const failures = app.store
    .state()
    .servers.filter((server) => server.endReason === 'failed' || server.endReason === 'crashed');
  const server = failures.find((one) => one.id === id) ?? failures.at(-1);
  if (!server) {
    void vscode.window.showInformationMessage('No server has failed.');
    return;
  }
  app.markSeen(server.id);
  await showExplanation(server.id);
}

async function copyLaunchCommand(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const server = app.store.state().servers.find((one) => one.id === id);
  if (!server && app.store.state().wish.model === '') {
    void vscode.window.showInformationMessage(NO_MODEL);
    return;
  }
  await copy(server ? app.commandText(server.command) : await app.wishedCommandText());
}

async function saveProfile(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const server = app.store.state().servers.find((one) => one.id === id);
  const wish: Wish = server?.wish ?? app.store.state().wish;
  if (wish.model === '') {
    void vscode.window.showInformationMessage(NO_MODEL);
    return;
  }
  const name = await vscode.window.showInputBox({
    title: 'Save as Profile',
    prompt: 'Name of this launch',
    value: wish.model.split(/[/\\]/).findLast((part) => part !== '') ?? '',
    validateInput: (text) => (text.trim() === '' ? 'A name is needed.' : undefined),
  });
  if (name === undefined) return;
  const saved = await app.saveProfile({ name: name.trim(), wish });
  if (!saved.ok) await sayFailure('Save as Profile', saved.failure);
}

async function deleteProfile(app: App, argument: unknown): Promise<void> {
  const profile = profileOf(app, argument);
  if (!profile) return;
  const deleted = await app.deleteProfile(profile.name);
  if (!deleted.ok) await sayFailure('Delete Profile', deleted.failure);
}

async function showOutput(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  if (id === null) {
    if (app.store.state().servers.length === 0) app.showLog();
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
  if (!(await app.reveal(id)) && !(await showLastOutput(app, id))) app.showLog();
}

function profileOf(app: App, argument: unknown): Profile | undefined {
  const name = (argument as { name?: unknown } | undefined)?.name;
  return app.store.state().profiles.find((profile) => profile.name === name);
}

/** Runs `act` on the server given, on the only one there is, or on the one picked. */
async function withServer(
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

async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage('Copied', 2_000);
}

/** What is copied to be asked elsewhere counts as use. */
async function copyForUse(text: string): Promise<void> {
  await copy(text);
  reach('hasServedAnswer');
}

async function showText(language: string, content: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language, content });
  await vscode.window.showTextDocument(document, { preview: true });
}
