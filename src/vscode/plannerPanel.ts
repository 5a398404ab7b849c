/** Hosts the planner page: one panel, strict content policy, parsed messages, complete snapshots. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { App } from '../app/app';
import { fromPageSchema, type FromPage, type ToPage } from '../shared/protocol';
import { COMMANDS, PANEL_TYPE } from './contributions';
import { openSetting } from './openSetting';

/** While the panel shows, the age of the sample and of servers is sent on this beat; changes come at once. */
const BEAT_MS = 2_000;
/** Changes within one burst (a sample, its holders, a server) go out together. */
const COALESCE_MS = 50;
const HUB_SETTING = 'vramPilot.hub.allowRequests';

export class PlannerPanel implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | null = null;
  private readonly disposables: vscode.Disposable[];
  private pending: ReturnType<typeof setTimeout> | null = null;
  private pageIsUp = false;
  private focusNext: (ToPage & { type: 'focus' })['target'] | null = null;

  constructor(
    private readonly app: App,
    private readonly extensionUri: vscode.Uri,
  ) {
    const beat = setInterval(() => this.refresh(), BEAT_MS);
    const unwatch = app.store.watch(
      (state) => state,
      () => this.refresh(),
    );
    this.disposables = [
      vscode.window.registerWebviewPanelSerializer(PANEL_TYPE, this),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      new vscode.Disposable(() => clearInterval(beat)),
      new vscode.Disposable(unwatch),
    ];
  }

  get isVisible(): boolean {
    return this.panel?.visible ?? false;
  }

  show(focus: (ToPage & { type: 'focus' })['target'] | null = null): void {
    this.focusNext = focus;
    if (this.panel) {
      this.panel.reveal();
      this.sendFocus();
      return;
    }
    this.adopt(
      vscode.window.createWebviewPanel(
        PANEL_TYPE,
        'VRAM Pilot',
        vscode.ViewColumn.Active,
        this.options(),
      ),
    );
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    panel.webview.options = this.options();
    this.adopt(panel);
    return Promise.resolve();
  }

  dispose(): void {
    if (this.pending) clearTimeout(this.pending);
    for (const disposable of this.disposables) disposable.dispose();
    this.panel?.dispose();
  }

  private options(): vscode.WebviewOptions {
    return {
      enableScripts: true,
      localResourceRoots: [vscode.Uri.joinPath(this.extensionUri, 'dist')],
    };
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    this.pageIsUp = false;
    const icon = (name: string) => vscode.Uri.joinPath(this.extensionUri, 'media', name);
    // the colour of an icon on a tab is that of its file
    panel.iconPath = { light: icon('activity.svg'), dark: icon('activityOnDark.svg') };
    const { webview } = panel;
    const listeners = [
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      panel.onDidChangeViewState(() => {
        // what a hidden page was sent is lost, so a shown one gets everything again
        if (panel.visible) this.refresh();
        this.app.wake();
      }),
    ];
    panel.onDidDispose(() => {
      for (const listener of listeners) listener.dispose();
      if (this.panel === panel) this.panel = null;
    });
    webview.html = this.html(webview);
    this.app.wake();
  }

  private html(webview: vscode.Webview): string {
    const asset = (name: string) =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.extensionUri, 'dist', name)).toString();
    const nonce = crypto.randomUUID().replaceAll('-', '');
    const policy = [
      `default-src 'none'`,
      `style-src ${webview.cspSource}`,
      `font-src ${webview.cspSource}`,
      `script-src 'nonce-${nonce}'`,
    ].join('; ');
    return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <link rel="stylesheet" href="${asset('webview.css')}">
  <title>VRAM Pilot</title>
</head>
<body>
  <div id="root"></div>
  <script nonce="${nonce}" src="${asset('webview.js')}"></script>
</body>
</html>`;
  }

  private refresh(): void {
    if (!this.isVisible || !this.pageIsUp || this.pending) return;
    this.pending = setTimeout(() => {
      this.pending = null;
      void this.send();
    }, COALESCE_MS);
  }

  private async send(): Promise<void> {
    await this.post(await this.app.snapshot(vscode.workspace.isTrusted));
    this.sendFocus();
  }

  private sendFocus(): void {
    if (this.focusNext === null || !this.pageIsUp) return;
    void this.post({ type: 'focus', target: this.focusNext });
    this.focusNext = null;
  }

  private async post(message: ToPage): Promise<void> {
    await this.panel?.webview.postMessage(message);
  }

  private receive(message: unknown): void {
    const parsed = z.safeParse(fromPageSchema, message);
    if (!parsed.success) {
      this.app.log.warn('panel', 'message dropped', {
        why: parsed.error.issues[0]?.message.slice(0, 80),
      });
      return;
    }
    this.handlers[parsed.data.type](parsed.data as never);
  }

  /** Exhaustive by type: a message without a handler does not compile. */
  private readonly handlers: {
    [T in FromPage['type']]: (message: Extract<FromPage, { type: T }>) => void;
  } = {
    hello: () => {
      this.pageIsUp = true;
      this.refresh();
    },
    wish: ({ wish }) => this.app.setWish(wish, 'page'),
    launch: ({ wish, force }) => {
      this.app.setWish(wish, 'page');
      void vscode.commands.executeCommand(COMMANDS.deploy, { wish, force });
    },
    stop: ({ serverId }) => void vscode.commands.executeCommand(COMMANDS.stopServer, serverId),
    launchCorrected: ({ serverId }) =>
      void vscode.commands.executeCommand(COMMANDS.startCorrected, { serverId, shown: true }),
    stepUp: ({ serverId }) => void vscode.commands.executeCommand(COMMANDS.stepUp, serverId),
    open: ({ target, serverId }) => this.open(target, serverId),
    problem: ({ text }) => this.app.log.error('page', text.slice(0, 500)),
  };

  private open(target: (FromPage & { type: 'open' })['target'], serverId?: string): void {
    if (target === 'hubSetting') {
      void openSetting(HUB_SETTING);
      return;
    }
    const commands: Record<
      typeof target,
      readonly [command: string, argument?: string | undefined]
    > = {
      chooseModel: [COMMANDS.openPlanner, 'chooseModel'],
      copyCommand: [COMMANDS.copyLaunchCommand],
      copyCurl: [COMMANDS.copyCurl, serverId],
      copyEndpoint: [COMMANDS.copyEndpoint, serverId],
      explain: [COMMANDS.explainLastFailure, serverId],
      getEngine: [COMMANDS.getEngine],
      gpuReport: [COMMANDS.showGpuReport],
      removeServer: [COMMANDS.removeServer, serverId],
      report: [COMMANDS.showPlanReport],
      saveProfile: [COMMANDS.saveProfile],
      sendTestPrompt: [COMMANDS.sendTestPrompt, serverId],
      terminal: [COMMANDS.showServerOutput, serverId],
      trust: ['workbench.trust.manage'],
      cleanUp: [COMMANDS.cleanUp],
    };
    void vscode.commands.executeCommand(...commands[target]);
  }
}
