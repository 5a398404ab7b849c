/** The front door in VS Code: builds the parts, wires them, hands them back. Decides nothing. */
import * as vscode from 'vscode';
import { startApp } from './app/startApp';
import { openSystem } from './system/openSystem';
import { createApi, type VramPilotApi } from './vscode/api';
import { registerCommands } from './vscode/commands';
import { createWorkersCommand } from './vscode/commands/workersCommand';
import { followContextKeys } from './vscode/contextKeys';
import { SETTINGS_SECTION } from './vscode/contributions';
import { provideOutputDocuments } from './vscode/documents/outputDocuments';
import { followProfilesFile } from './vscode/documents/profilesFile';
import { provideReports } from './vscode/documents/reportDocuments';
import { firstFolder } from './vscode/firstFolder';
import { askForHubToken, HUB_TOKEN } from './vscode/hubToken';
import { TaskLauncher } from './vscode/launching/taskLauncher';
import { launcherWithFallback, TerminalLauncher } from './vscode/launching/terminalLauncher';
import { openLog } from './vscode/log';
import { noticeFallbacks } from './vscode/notices/coexistenceNotice';
import { noticeFailures } from './vscode/notices/failureNotice';
import { noticeOrphans } from './vscode/notices/orphanNotice';
import { noticeReady } from './vscode/notices/readyNotice';
import { PlannerPanel } from './vscode/plannerPanel';
import { openSecrets } from './vscode/secrets';
import { readSettings } from './vscode/settingsReader';
import { showStatusBar } from './vscode/statusBar';
import { GpusTree } from './vscode/trees/gpusTree';
import { ProfilesTree } from './vscode/trees/profilesTree';
import { ServersTree } from './vscode/trees/serversTree';

export function activate(context: vscode.ExtensionContext): VramPilotApi {
  const startedMs = performance.now();
  const { version } = context.extension.packageJSON as { version: string };
  const log = openLog();
  const system = openSystem();
  let settings = readSettings(log);
  const homeFolder = system.files.homeFolder();
  const secrets = openSecrets(context.secrets);
  const tasks = new TaskLauncher(log, (launchId) => app.runningLaunch(launchId), homeFolder);
  const terminals = new TerminalLauncher(homeFolder);
  const storage = context.globalStorageUri.fsPath;
  const folder = firstFolder()?.uri.fsPath ?? null;

  const app = startApp({
    ...system,
    log,
    launcher: launcherWithFallback(tasks, terminals),
    settings: () => settings,
    storageFolder: storage,
    workspaceFolder: folder,
    // the editor's own program runs our CLI; desktop Electron needs to be told to act as Node
    simulatedServer: {
      file: process.execPath,
      args: [context.asAbsolutePath('dist/cli.js'), 'simulated-server'],
      env: { ELECTRON_RUN_AS_NODE: '1' },
    },
    environment: process.env,
    storedHubToken: () => secrets.get(HUB_TOKEN),
    secrets,
    version,
    isTrusted: () => vscode.workspace.isTrusted,
    isWatched: () => vscode.window.state.focused || panel.isVisible || gpus.isVisible,
  });
  const panel = new PlannerPanel(app, context.extensionUri);
  const workers = createWorkersCommand(app, context.environmentVariableCollection);
  const servers = new ServersTree(app.store, system.clock);
  const gpus = new GpusTree(app.store, app.trends);
  const timings: VramPilotApi['timings'] = { activateMs: 0, firstGaugeMs: null };
  const firstGauge = app.store.watch(
    (state) => state.gpu.sampledAtMs !== null,
    () => {
      timings.firstGaugeMs = performance.now() - startedMs;
      firstGauge();
    },
  );

  // before the rest is wired: its first question to the disk is answered meanwhile
  app.run();

  context.subscriptions.push(
    tasks,
    terminals,
    app,
    panel,
    servers,
    gpus,
    new ProfilesTree(app.store),
    showStatusBar(app.store, () => settings, system.clock, app.trends),
    followContextKeys(app, system.table, servers),
    followProfilesFile(app),
    workers,
    registerCommands(app, panel, workers),
    noticeFailures(app),
    noticeReady(app, context.globalState),
    noticeOrphans(app, context.globalState),
    noticeFallbacks(app, context.globalState),
    provideOutputDocuments(app),
    provideReports(),
    askForHubToken(app, secrets),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration(SETTINGS_SECTION)) return;
      settings = readSettings(log);
      void app.settingsChanged();
    }),
    vscode.window.onDidChangeWindowState((state) => {
      if (state.focused) app.wake();
    }),
    // last: they are disposed of in this order
    log,
  );
  timings.activateMs = performance.now() - startedMs;
  return createApi(app, version, timings);
}
