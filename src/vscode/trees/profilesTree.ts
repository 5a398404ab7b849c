/** The Profiles view: saved launches, and a row that says so where their file can't be read. */
import * as vscode from 'vscode';
import type { FileProblem, Profile } from '../../app/state';
import type { AppStore } from '../../app/store';
import { engineNames } from '../../shared/engineNames';
import { formatPercent } from '../../shared/units';
import { COMMANDS, VIEWS } from '../contributions';

type Row = Profile | FileProblem;

export class ProfilesTree implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Row>;
  private readonly unwatchers: readonly (() => void)[];

  constructor(private readonly store: AppStore) {
    this.view = vscode.window.createTreeView(VIEWS.profiles, { treeDataProvider: this });
    const draw = () => this.changed.fire(undefined);
    this.unwatchers = [
      store.watch((state) => state.profiles, draw),
      store.watch((state) => state.profilesProblem, draw),
    ];
  }

  getChildren(row?: Row): Row[] {
    const { profiles, profilesProblem } = this.store.state();
    if (row) return [];
    return profilesProblem ? [profilesProblem, ...profiles] : [...profiles];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return 'wish' in row ? profileItem(row) : problemItem(row);
  }

  dispose(): void {
    for (const unwatch of this.unwatchers) unwatch();
    this.view.dispose();
    this.changed.dispose();
  }
}

function profileItem(profile: Profile): vscode.TreeItem {
  const { engine, model, options } = profile.wish;
  const share = options.gpuMemoryUtilization;
  const item = new vscode.TreeItem(profile.name);
  item.id = profile.name;
  item.description = [
    engineNames[engine],
    engine !== 'vllm' || share == null ? null : share === 0 ? 'auto' : formatPercent(share),
  ]
    .filter((part) => part !== null)
    .join(' · ');
  item.tooltip = [model, ...Object.entries(options).flatMap(settingLine)].join('\n');
  item.iconPath = new vscode.ThemeIcon('bookmark');
  item.contextValue = 'profile';
  item.command = {
    command: COMMANDS.openPlanner,
    title: 'Open in Planner',
    arguments: [profile],
  };
  return item;
}

/** `max model len: 8192` */
function settingLine([name, value]: [
  string,
  string | number | boolean | object | null | undefined,
]) {
  if (typeof value === 'object' || value === undefined) return [];
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [`${words}: ${String(value)}`];
}

function problemItem({ text }: FileProblem): vscode.TreeItem {
  const item = new vscode.TreeItem("Profiles can't be read");
  item.description = 'Open File';
  item.tooltip = `${text}\nIt is left as it is: correct it, and what is saved in it appears here.`;
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  item.contextValue = 'problem';
  item.command = { command: COMMANDS.openProfilesFile, title: 'Open File' };
  item.accessibilityInformation = { label: `Profiles can't be read: ${text}. Open File` };
  return item;
}
