/** Every command, registered in one place; each says why it cannot run rather than doing nothing. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { App } from '../app/app';
import { DOES_NOT_FIT } from '../app/launching/deploy';
import { asksForKey } from '../app/requests/apiKeys';
import { wishSchema } from '../shared/wish';
import { adoptServer } from './commands/adoptCommand';
import { cleanUp } from './commands/cleanUpCommand';
import { startCorrected, tryStepUp } from './commands/correctedCommand';
import { deployFromPalette, deployWish } from './commands/deployCommand';
import { getEngine } from './commands/getEngine';
import { forgetLearned, showLearned } from './commands/learnedCommand';
import {
  explainFailure,
  isAwake,
  isReady,
  isRemovable,
  restartServer,
  setAsleep,
  showOutput,
  stopServer,
  withServer,
} from './commands/serverCommands';
import { startAllProfiles } from './commands/startAllCommand';
import { stopAll } from './commands/stopAllCommand';
import {
  copyApiKey,
  copyCurl,
  copyEndpoint,
  runTestLoad,
  sendTestPrompt,
} from './commands/testCommand';
import {
  copyLaunchCommand,
  deleteProfile,
  openPlanner,
  saveProfile,
  showPlanReport,
  withProfile,
} from './commands/wishCommands';
import type { WorkersCommand } from './commands/workersCommand';
import { openProfilesFile } from './documents/profilesFile';
import { showReport } from './documents/reportDocuments';
import { COMMANDS } from './contributions';
import type { PlannerPanel } from './plannerPanel';

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
    stopServer: (argument) => stopServer(app, argument, false),
    forceStopServer: (argument) => stopServer(app, argument, true),
    restartServer: (argument) => restartServer(app, argument),
    stopAll: () => stopAll(app),
    putToSleep: (argument) => setAsleep(app, argument, true),
    wakeUp: (argument) => setAsleep(app, argument, false),
    startAll: (argument) => startAllProfiles(app, argument),
    adoptServer: (argument) => adoptServer(app, argument),
    cancelQueued: (argument) => stopServer(app, argument, false),
    cleanUp: (argument) => cleanUp(app, argument),
    explainLastFailure: (argument) => explainFailure(app, argument),
    startCorrected: (argument) => startCorrected(app, argument),
    stepUp: (argument) => tryStepUp(app, argument),
    planWorkers: (argument) => workers.plan(argument),
    copyLaunchCommand: (argument) => copyLaunchCommand(app, argument),
    copyEndpoint: (argument) =>
      withServer(app, argument, isReady, 'copy the URL of', (server) => copyEndpoint(server)),
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
    showPlanReport: () => showPlanReport(app),
    saveProfile: (argument) => saveProfile(app, argument),
    deployProfile: (argument) =>
      withProfile(app, argument, (profile) => deployWish(app, profile.wish)),
    deleteProfile: (argument) =>
      withProfile(app, argument, (profile) => deleteProfile(app, profile)),
    openProfilesFile: () => openProfilesFile(app),
    showServerOutput: (argument) => showOutput(app, argument),
    removeServer: (argument) =>
      withServer(app, argument, isRemovable, 'remove from the list', ({ id }) => app.remove(id)),
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

async function deploy(app: App, panel: PlannerPanel, argument: unknown): Promise<string | null> {
  const given = z.safeParse(launchArgumentSchema, argument);
  if (given.success) {
    // who presses Deploy Anyway on the page has seen the verdict, and nothing else that may speak against it
    const accepted = given.data.force ? [DOES_NOT_FIT] : [];
    return deployWish(app, given.data.wish, { force: false, accepted });
  }
  return deployFromPalette(app, () => panel.show('utilization'));
}

async function showText(language: string, content: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language, content });
  await vscode.window.showTextDocument(document, { preview: true });
}
