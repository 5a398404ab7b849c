/** The GPUs view: each GPU, beneath it the processes that hold its memory, with their class. */
import * as vscode from 'vscode';
import type { Trends } from '../app/history';
import { gpuNotes } from '../app/gpuNotes';
import type { AppState } from '../app/state';
import { shortCommand } from '../app/shortCommand';
import type { AppStore } from '../app/store';
import { unseenHoldersOf } from '../app/unseenHolders';
import { trendLines } from '../app/trendText';
import { HOLDER_NAMES } from '../app/holderNames';
import type { Gpu } from '../gpu/gpu';
import type { Holder, HolderClass } from '../processes/process';
import { formatBytes, formatGib, formatPercent } from '../shared/units';
import { VIEWS } from './contributions';

type Row =
  | { readonly kind: 'gpu'; readonly gpu: Gpu }
  | {
      readonly kind: 'holder';
      readonly holder: Holder;
      /** null: left over without memory of a GPU. */
      readonly gpu: Gpu | null;
      /** For the commands of servers. */
      readonly server?: { readonly id: string };
    }
  | { readonly kind: 'note'; readonly text: string; readonly icon: string; readonly more?: string };

const CLASS_ICONS: Readonly<Record<HolderClass, string>> = {
  ourServer: 'server-process',
  adoptedServer: 'server-process',
  orphanedWorker: 'warning',
  zombie: 'debug-disconnect',
  otherNamespace: 'package',
  deadPid: 'debug-disconnect',
  notebook: 'notebook',
  display: 'device-desktop',
  otherUser: 'person',
  stranger: 'circle-outline',
};

export class GpusTree implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Row>;
  private readonly unwatch: () => void;
  private drawn = '';

  constructor(
    private readonly store: AppStore,
    private readonly trends: () => Trends,
  ) {
    this.view = vscode.window.createTreeView(VIEWS.gpus, { treeDataProvider: this });
    this.unwatch = store.watch(
      (state) => state,
      (state) => {
        // a tick that changes nothing draws nothing: constant refreshes swallow clicks
        const picture = pictureOf(state);
        if (picture === this.drawn) return;
        this.drawn = picture;
        this.changed.fire(undefined);
      },
    );
  }

  get isVisible(): boolean {
    return this.view.visible;
  }

  getChildren(row?: Row): Row[] {
    const { gpu: gpuState, holders } = this.store.state();
    if (!row) {
      const notes: Row[] = gpuState.failure
        ? [{ kind: 'note', text: gpuState.failure.text, icon: 'warning' }]
        : [];
      const problems: Row[] = (gpuState.sample?.problems ?? []).map((problem) => ({
        kind: 'note',
        text: problem.text,
        icon: 'warning',
      }));
      const gpus: Row[] = (gpuState.sample?.gpus ?? []).map((gpu) => ({ kind: 'gpu', gpu }));
      const elsewhere = holders.filter((holder) => holder.gpus.length === 0);
      return [
        ...notes,
        ...problems,
        ...gpus,
        ...elsewhere.map((holder) => holderRow(holder, null)),
      ];
    }
    if (row.kind !== 'gpu') return [];
    const held = holders
      .filter((holder) => holder.gpus.includes(row.gpu.index))
      .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
      .map((holder) => holderRow(holder, row.gpu));
    return [...held, ...this.unseenRows(row.gpu)];
  }

  /** Memory that no listed process accounts for, with the reason and the setting that would show it. */
  private unseenRows(gpu: Gpu): Row[] {
    const unseen = unseenHoldersOf(this.store.state(), gpu);
    if (!unseen) return [];
    return [
      { kind: 'note', text: unseen.text, icon: 'eye-closed', more: unseen.reasons.join('\n') },
    ];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    if (row.kind === 'gpu') return gpuItem(row.gpu, this.store.state().gpu.simulated);
    if (row.kind === 'holder') return holderItem(row.holder, row.gpu);
    const item = new vscode.TreeItem(row.text);
    item.iconPath = new vscode.ThemeIcon(row.icon);
    item.tooltip = [row.text, row.more ?? ''].filter((line) => line !== '').join('\n');
    return item;
  }

  /** Asked when somebody points at a row: what changes with every sample is not worth a new tree. */
  resolveTreeItem(item: vscode.TreeItem, row: Row): vscode.TreeItem {
    if (row.kind === 'gpu') item.tooltip = gpuTooltip(row.gpu, this.store.state(), this.trends());
    return item;
  }

  dispose(): void {
    this.unwatch();
    this.view.dispose();
    this.changed.dispose();
  }
}

/** Everything the view shows, rounded as it shows it. */
function pictureOf(state: AppState): string {
  const { gpu, holders } = state;
  return JSON.stringify([
    gpu.simulated,
    gpu.failure?.text,
    gpu.sample?.problems,
    gpu.sample?.gpus.map((one) => [
      one.index,
      one.name,
      gpuDescription(one),
      unseenHoldersOf(state, one)?.text,
    ]),
    state.blindSpots,
    holders.map(({ pid, class: holderClass, canEnd, gpus, usedBytes }) => [
      pid,
      holderClass,
      canEnd,
      gpus,
      formatBytes(usedBytes),
    ]),
  ]);
}

function gpuDescription(gpu: Gpu): string {
  const share = gpu.usedBytes !== null && gpu.totalBytes ? gpu.usedBytes / gpu.totalBytes : null;
  return [
    `${formatGib(gpu.usedBytes, 1)} of ${formatGib(gpu.totalBytes, 1)}`,
    share === null ? null : formatPercent(share),
    gpu.temperatureC === null ? null : `${String(gpu.temperatureC)} °C`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

function gpuItem(gpu: Gpu, simulated: boolean): vscode.TreeItem {
  const name = gpu.name ?? `GPU ${String(gpu.index)}`;
  const item = new vscode.TreeItem(
    simulated ? `${name} (simulated)` : name,
    vscode.TreeItemCollapsibleState.Expanded,
  );
  item.id = gpu.uuid ?? `gpu-${String(gpu.index)}`;
  item.description = gpuDescription(gpu);
  item.iconPath = new vscode.ThemeIcon('chip');
  item.contextValue = 'gpu';
  return item;
}

function gpuTooltip(gpu: Gpu, state: AppState, trends: Trends): string {
  const past = trends.get(gpu.index)?.sparkline ?? '';
  return [
    gpu.name ?? `GPU ${String(gpu.index)}`,
    `Used ${formatGib(gpu.usedBytes)} of ${formatGib(gpu.totalBytes)}, free ${formatGib(gpu.freeBytes)}`,
    ...gpuNotes(gpu),
    gpu.utilizationPercent === null ? null : `Load ${String(gpu.utilizationPercent)} %`,
    gpu.powerW === null ? null : `Power ${gpu.powerW.toFixed(0)} W`,
    gpu.driverVersion === null ? null : `Driver ${gpu.driverVersion}`,
    past === '' ? null : `Last 15 minutes ${past}`,
    ...trendLines(state, trends, gpu.index),
  ]
    .filter((line) => line !== null)
    .join('\n');
}

function holderRow(holder: Holder, gpu: Gpu | null): Row {
  const isServer = holder.class === 'ourServer' || holder.class === 'adoptedServer';
  const id = isServer ? holder.launchId : undefined;
  return { kind: 'holder', holder, gpu, ...(id === undefined ? {} : { server: { id } }) };
}

function holderItem(holder: Holder, gpu: Gpu | null): vscode.TreeItem {
  const item = new vscode.TreeItem(shortCommand(holder.command));
  item.id = `${String(gpu?.index ?? '')}:${String(holder.pid)}:${holder.startTime ?? ''}`;
  item.description = `${formatBytes(holder.usedBytes)} · ${HOLDER_NAMES[holder.class]} · PID ${String(holder.pid)}`;
  item.iconPath = new vscode.ThemeIcon(
    CLASS_ICONS[holder.class],
    holder.canEnd ? new vscode.ThemeColor('list.warningForeground') : undefined,
  );
  const isServer = holder.class === 'ourServer' || holder.class === 'adoptedServer';
  item.contextValue = holder.canEnd ? 'holder.canEnd' : isServer ? 'holder.server' : 'holder';
  item.tooltip = [holder.command ?? 'unknown command', holder.reason, holder.remedy]
    .filter((line) => line !== '')
    .join('\n');
  item.accessibilityInformation = {
    label: `${shortCommand(holder.command)}, ${item.description}, ${holder.reason}`,
  };
  return item;
}
