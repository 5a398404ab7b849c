/** The GPUs view: each GPU, beneath it the processes that hold its memory, with their class. */
import * as vscode from 'vscode';
import { shortCommand } from '../app/gauge';
import type { AppState } from '../app/state';
import type { AppStore } from '../app/store';
import type { Gpu } from '../gpu/gpu';
import type { Holder, HolderClass } from '../processes/process';
import { formatBytes, formatGib, formatPercent } from '../shared/units';
import { VIEWS } from './contributions';

type Row =
  | { readonly kind: 'gpu'; readonly gpu: Gpu }
  | { readonly kind: 'holder'; readonly holder: Holder; readonly gpu: Gpu }
  | { readonly kind: 'note'; readonly text: string; readonly icon: string };

const CLASS_WORDS: Readonly<Record<HolderClass, string>> = {
  ourServer: 'our server',
  adoptedServer: 'adopted server',
  orphanedWorker: 'orphaned worker',
  zombie: 'zombie',
  otherNamespace: 'another container',
  deadPid: 'dead process',
  notebook: 'notebook',
  display: 'display',
  otherUser: 'another user',
  stranger: 'other program',
};

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

  constructor(private readonly store: AppStore) {
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
      return [...notes, ...problems, ...gpus];
    }
    if (row.kind !== 'gpu') return [];
    return holders
      .filter((holder) => holder.gpus.includes(row.gpu.index))
      .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
      .map((holder) => ({ kind: 'holder', holder, gpu: row.gpu }));
  }

  getTreeItem(row: Row): vscode.TreeItem {
    if (row.kind === 'gpu') return gpuItem(row.gpu, this.store.state().gpu.simulated);
    if (row.kind === 'holder') return holderItem(row.holder, row.gpu);
    const item = new vscode.TreeItem(row.text);
    item.iconPath = new vscode.ThemeIcon(row.icon);
    item.tooltip = row.text;
    return item;
  }

  dispose(): void {
    this.unwatch();
    this.view.dispose();
    this.changed.dispose();
  }
}

/** Everything the view shows, rounded as it shows it. */
function pictureOf({ gpu, holders }: AppState): string {
  return JSON.stringify([
    gpu.simulated,
    gpu.failure?.text,
    gpu.sample?.problems,
    gpu.sample?.gpus.map((one) => [one.index, one.name, gpuDescription(one)]),
    holders.map((holder) => [holder.pid, holder.class, holder.gpus, formatBytes(holder.usedBytes)]),
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
  item.tooltip = [
    name,
    `Used ${formatGib(gpu.usedBytes)} of ${formatGib(gpu.totalBytes)}, free ${formatGib(gpu.freeBytes)}`,
    gpu.reservedBytes === null ? null : `Reserved by the driver: ${formatBytes(gpu.reservedBytes)}`,
    gpu.utilizationPercent === null ? null : `Load ${String(gpu.utilizationPercent)} %`,
    gpu.powerW === null ? null : `Power ${gpu.powerW.toFixed(0)} W`,
    gpu.driverVersion === null ? null : `Driver ${gpu.driverVersion}`,
  ]
    .filter((line) => line !== null)
    .join('\n');
  return item;
}

function holderItem(holder: Holder, gpu: Gpu): vscode.TreeItem {
  const item = new vscode.TreeItem(shortCommand(holder.command));
  item.id = `${String(gpu.index)}:${String(holder.pid)}:${holder.startTime ?? ''}`;
  item.description = `${formatBytes(holder.usedBytes)} · ${CLASS_WORDS[holder.class]} · PID ${String(holder.pid)}`;
  item.iconPath = new vscode.ThemeIcon(
    CLASS_ICONS[holder.class],
    holder.canEnd ? new vscode.ThemeColor('list.warningForeground') : undefined,
  );
  item.contextValue = holder.canEnd ? 'holder.canEnd' : 'holder';
  item.tooltip = [holder.command ?? 'unknown command', holder.reason, holder.remedy]
    .filter((line) => line !== '')
    .join('\n');
  item.accessibilityInformation = {
    label: `${shortCommand(holder.command)}, ${item.description}, ${holder.reason}`,
  };
  return item;
}
