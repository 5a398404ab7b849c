/** The Servers view: one row per server, its facts or the evidence of its failure beneath. */
import * as vscode from 'vscode';
import { asksForKey } from '../../app/requests/apiKeys';
import type { Clock } from '../../app/ports';
import { poolText, serverDetail, serverFacts } from '../../app/servers/serverText';
import { serversInOrder, type Server } from '../../app/state';
import type { AppStore } from '../../app/store';
import { COMMANDS, VIEWS } from '../contributions';

type Row =
  | { readonly kind: 'server'; readonly server: Server }
  | {
      readonly kind: 'fact';
      readonly server: Server;
      readonly text: string;
      readonly icon: string;
      /** Of the output, where the row quotes it. */
      readonly line?: number;
    };

/** Ages are shown in seconds while something starts, so those rows are redrawn each second. */
const TICK_MS = 1000;

export class ServersTree implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Row>;
  private readonly ticking: ReturnType<typeof setInterval>;
  private readonly unwatch: () => void;

  constructor(
    private readonly store: AppStore,
    private readonly clock: Clock,
  ) {
    this.view = vscode.window.createTreeView(VIEWS.servers, { treeDataProvider: this });
    this.unwatch = store.watch(
      (state) => state.servers,
      (servers) => {
        this.changed.fire(undefined);
        const live = servers.filter((server) => server.phase !== 'ended').length;
        this.view.badge =
          live === 0 ? undefined : { value: live, tooltip: `${String(live)} running` };
      },
    );
    this.ticking = setInterval(() => {
      const starting = store.state().servers.some((server) => server.phase === 'starting');
      if (this.view.visible && starting) this.changed.fire(undefined);
    }, TICK_MS);
  }

  get onDidChangeVisibility(): vscode.Event<vscode.TreeViewVisibilityChangeEvent> {
    return this.view.onDidChangeVisibility;
  }

  getChildren(row?: Row): Row[] {
    if (!row) {
      const servers = serversInOrder(this.store.state());
      return servers.map((server) => ({ kind: 'server', server }) as const);
    }
    return row.kind === 'server' ? factRows(row.server) : [];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return row.kind === 'fact' ? factItem(row) : serverItem(row.server, this.clock.now());
  }

  dispose(): void {
    clearInterval(this.ticking);
    this.unwatch();
    this.view.dispose();
    this.changed.dispose();
  }
}

/** Commands on a row get the row; this is the id in it. */
export function serverIdOf(argument: unknown): string | null {
  if (typeof argument === 'string') return argument;
  const server = (argument as { server?: { id?: unknown } } | undefined)?.server;
  return typeof server?.id === 'string' ? server.id : null;
}

function factRows(server: Server): Row[] {
  const row = (icon: string) => (text: string) => ({ kind: 'fact', server, text, icon }) as const;
  const evidence = (server.diagnosis?.cause?.evidence ?? []).map(({ line, text }) => ({
    ...row('quote')(text.replaceAll(/\s+/g, ' ').trim()),
    line,
  }));
  const offer = server.failure?.correction ?? server.stepUp;
  return [
    ...server.warnings.map(row('warning')),
    ...evidence,
    ...(server.failure?.culprits ?? []).map(row('person')),
    ...(offer ? [...offer.diff.map(row('diff')), row('lightbulb')(offer.why)] : []),
    ...helpWithout(offer, server).map(row('lightbulb')),
    ...[poolText(server)].filter((text) => text !== null).map(row('database')),
    ...serverFacts(server).map(row('info')),
  ];
}

/** What helps where no launch is offered, and why none is. */
function helpWithout(offer: Server['stepUp'], { failure, diagnosis }: Server): string[] {
  if (offer) return [];
  const remedy = diagnosis?.cause ? diagnosis.remedy?.summary : undefined;
  return [...new Set([remedy, failure?.reason])].filter((text) => text != null);
}

function serverItem(server: Server, nowMs: number): vscode.TreeItem {
  const rows = factRows(server);
  const label = server.simulated ? `${server.title} (simulated)` : server.title;
  const item = new vscode.TreeItem(
    label,
    rows.length === 0
      ? vscode.TreeItemCollapsibleState.None
      : isLoud(server)
        ? vscode.TreeItemCollapsibleState.Expanded
        : vscode.TreeItemCollapsibleState.Collapsed,
  );
  const detail = serverDetail(server, nowMs);
  // VS Code remembers by id what is open, so a row that becomes loud has to be another one
  item.id = `${server.id}:${server.endReason ?? ''}${isLoud(server) ? ':loud' : ''}`;
  item.description = detail;
  item.iconPath = iconOf(server);
  item.contextValue = contextOf(server);
  const command = [server.command.file, ...server.command.args].join(' ');
  item.tooltip = [label, detail, poolText(server), command]
    .filter((line) => line !== null)
    .join('\n');
  item.accessibilityInformation = { label: `${label}, ${detail}` };
  item.command = {
    command: COMMANDS.showServerOutput,
    title: 'Show Server Output',
    arguments: [server.id],
  };
  return item;
}

/** What went wrong, or runs worse than it could, is shown without a click. */
function isLoud({ endReason, phase, warnings }: Server): boolean {
  if (phase === 'ended') return endReason !== 'stopped';
  return warnings.length > 0;
}

function factItem(row: Row & { kind: 'fact' }): vscode.TreeItem {
  const item = new vscode.TreeItem(row.text);
  item.iconPath = new vscode.ThemeIcon(row.icon);
  item.tooltip = row.text;
  if (row.line !== undefined) {
    item.description = `line ${String(row.line)}`;
    item.command = {
      command: COMMANDS.showServerOutput,
      title: 'Show Server Output',
      arguments: [{ server: { id: row.server.id }, line: row.line }],
    };
  }
  return item;
}

function contextOf(server: Server): string {
  if (server.queued && server.phase === 'starting') return 'server.queued';
  const origin = server.origin === 'adopted' ? '.adopted' : '';
  const stepUp = server.phase === 'ready' && server.stepUp ? '.stepUp' : '';
  const sleep =
    server.phase !== 'ready' || server.asleep === null ? '' : server.asleep ? '.asleep' : '.awake';
  const keyed = asksForKey(server) ? '.keyed' : '';
  if (server.phase !== 'ended') return `server.${server.phase}${origin}${sleep}${keyed}${stepUp}`;
  if (origin !== '') return 'server.ended.adopted';
  if (server.endReason === 'stopped') return 'server.ended';
  return server.failure?.correction ? 'server.ended.failed.corrected' : 'server.ended.failed';
}

function iconOf(server: Server): vscode.ThemeIcon {
  if (server.queued && server.phase === 'starting') return new vscode.ThemeIcon('clock');
  switch (server.phase) {
    case 'starting':
    case 'stopping':
      return new vscode.ThemeIcon('loading~spin');
    case 'ready':
      return server.warnings.length > 0
        ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
        : new vscode.ThemeIcon('pass-filled', new vscode.ThemeColor('testing.iconPassed'));
    case 'lost':
      return new vscode.ThemeIcon('question', new vscode.ThemeColor('list.warningForeground'));
    case 'ended':
      return server.endReason === 'stopped'
        ? new vscode.ThemeIcon('circle-outline')
        : new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
  }
}
