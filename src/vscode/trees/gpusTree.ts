/** The GPUs view: each GPU, beneath it the processes that hold its memory, with their class. */
import * as vscode from 'vscode';
import type { Trends } from '../../app/gpus/history';
import { gpuNotes } from '../../app/gpus/gpuNotes';
import type { AppState } from '../../app/state';
import { shortCommand } from '../../app/holders/shortCommand';
import type { AppStore } from '../../app/store';
import { unseenHoldersOf } from '../../app/holders/unseenHolders';
import { trendLines } from '../../app/gpus/trendText';
import { HOLDER_NAMES, sentencesOf, startText } from '../../app/holders/holderNames';
import type { Gpu } from '../../gpu/gpu';
import type { Holder, HolderClass } from '../../processes/process';
import { shortGpuName } from '../../shared/shortGpuName';
import { formatBytes, formatGib, formatPercent, GIB } from '../../shared/units';
import { VIEWS } from '../contributions';

type Row =
  | { readonly kind: 'gpu'; readonly gpu: Gpu }
  | {
      readonly kind: 'holder';
      readonly holder: Holder;
      /** null: left over without memory of a GPU. */
      readonly gpu: Gpu | null;
      /** For the commands of servers. */
      readonly server?: { readonly id: string };
      /** The server that it belongs to, or was left behind by. */
      readonly serverName?: string | undefined;
    }
  | {
      readonly kind: 'note';
      readonly text: string;
      readonly icon: string;
      readonly description?: string;
      readonly more?: string;
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
        ...elsewhere.map((holder) => this.holderRow(holder, null)),
      ];
    }
    if (row.kind !== 'gpu') return [];
    const held = holders
      .filter((holder) => holder.gpus.includes(row.gpu.index))
      .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
      .map((holder) => this.holderRow(holder, row.gpu));
    return [...held, ...this.unseenRows(row.gpu)];
  }

  private holderRow(holder: Holder, gpu: Gpu | null): Row {
    const { launchId: id } = holder;
    const { servers } = this.store.state();
    const serverName = servers.find((server) => server.id === id)?.servedModelName;
    const server = id !== undefined && isOfServer(holder) ? { server: { id } } : {};
    return { kind: 'holder', holder, gpu, serverName, ...server };
  }

  /** Memory that no listed process accounts for, with the reason and the setting that would show it. */
  private unseenRows(gpu: Gpu): Row[] {
    const unseen = unseenHoldersOf(this.store.state(), gpu);
    if (!unseen) return [];
    return [
      {
        kind: 'note',
        text: unseen.text,
        icon: 'eye-closed',
        description: 'in no process listed',
        more: unseen.reasons.join('\n'),
      },
    ];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    if (row.kind === 'gpu') return gpuItem(row.gpu, this.store.state().gpu);
    if (row.kind === 'holder') return holderItem(row);
    const item = new vscode.TreeItem(row.text);
    if (row.description !== undefined) item.description = row.description;
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

/** The side bar cuts off what is at the end: figures come right after a short name. */
function gpuDescription(gpu: Gpu): string {
  const { usedBytes, totalBytes, temperatureC } = gpu;
  const share = usedBytes !== null && totalBytes ? usedBytes / totalBytes : null;
  const isSilent = usedBytes === null && totalBytes === null;
  const used =
    usedBytes === null || totalBytes === null ? formatGib(usedBytes, 1) : gibOf(usedBytes);
  return [
    isSilent ? 'memory unknown' : `${used} of ${formatGib(totalBytes, 1)}`,
    share === null ? null : formatPercent(share),
    temperatureC === null ? null : `${String(temperatureC)} °C`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

const gibOf = (bytes: number): string => (bytes / GIB).toFixed(1);

function gpuItem(gpu: Gpu, { simulated, sample }: AppState['gpu']): vscode.TreeItem {
  const index = String(gpu.index);
  // several are often of one kind; numbered as in the gauge's hover
  const number = (sample?.gpus.length ?? 0) > 1 ? `${index} ` : '';
  const name = gpu.name === null ? `GPU ${index}` : `${number}${shortGpuName(gpu.name)}`;
  const item = new vscode.TreeItem(
    simulated ? `${name} (simulated)` : name,
    vscode.TreeItemCollapsibleState.Expanded,
  );
  item.id = gpu.uuid ?? `gpu-${index}`;
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
    ...(gpu.vendor === 'apple' ? state.blindSpots : []),
    gpu.utilizationPercent === null ? null : `Load ${String(gpu.utilizationPercent)} %`,
    gpu.powerW === null ? null : `Power ${gpu.powerW.toFixed(0)} W`,
    gpu.driverVersion === null ? null : `Driver ${gpu.driverVersion}`,
    past === '' ? null : `Last 15 minutes ${past}`,
    ...trendLines(state, trends, gpu.index),
  ]
    .filter((line) => line !== null)
    .join('\n');
}

const isOfServer = ({ class: kind }: Holder): boolean =>
  kind === 'ourServer' || kind === 'adoptedServer';

/** What is said first must tell: of a server its name, of a leftover that it is one; of others their program. */
function holderItem({ holder, gpu, serverName }: Row & { kind: 'holder' }): vscode.TreeItem {
  const { usedBytes, canEnd } = holder;
  const program = shortCommand(holder.command);
  const kind = HOLDER_NAMES[holder.class];
  const [first, ...rest] = isOfServer(holder)
    ? [serverName ?? program, kind, serverName === undefined ? '' : program]
    : canEnd
      ? [kind, serverName === undefined ? program : `of ${serverName}`]
      : [program, kind];
  const item = new vscode.TreeItem(
    usedBytes === null ? first : `${formatBytes(usedBytes)} ${first}`,
  );
  item.id = `${String(gpu?.index ?? '')}:${String(holder.pid)}:${holder.startTime ?? ''}`;
  item.description = [
    ...rest,
    usedBytes === null && gpu ? 'memory unknown' : '',
    `PID ${String(holder.pid)}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
  item.iconPath = new vscode.ThemeIcon(
    CLASS_ICONS[holder.class],
    canEnd ? new vscode.ThemeColor('list.warningForeground') : undefined,
  );
  item.contextValue = canEnd ? 'holder.canEnd' : isOfServer(holder) ? 'holder.server' : 'holder';
  item.tooltip = [
    holder.command ?? 'Unknown command',
    startText(holder),
    ...sentencesOf(holder),
  ].join('\n');
  item.accessibilityInformation = {
    label: `${first}, ${formatBytes(usedBytes)}, ${item.description}, ${holder.reason}`,
  };
  return item;
}
