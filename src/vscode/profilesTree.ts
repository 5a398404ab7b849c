/** The Profiles view: saved launches. */
import * as vscode from 'vscode';
import type { Profile } from '../app/state';
import type { AppStore } from '../app/store';
import { formatPercent } from '../shared/units';
import { COMMANDS, VIEWS } from './contributions';

export class ProfilesTree implements vscode.TreeDataProvider<Profile>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Profile>;
  private readonly unwatch: () => void;

  constructor(private readonly store: AppStore) {
    this.view = vscode.window.createTreeView(VIEWS.profiles, { treeDataProvider: this });
    this.unwatch = store.watch(
      (state) => state.profiles,
      () => this.changed.fire(undefined),
    );
  }

  getChildren(profile?: Profile): Profile[] {
    return profile ? [] : [...this.store.state().profiles];
  }

  getTreeItem(profile: Profile): vscode.TreeItem {
    const { engine, model, options } = profile.wish;
    const share = options.gpuMemoryUtilization;
    const item = new vscode.TreeItem(profile.name);
    item.id = profile.name;
    item.description = [
      engine === 'vllm' ? 'vLLM' : 'Ollama',
      engine !== 'vllm' || share == null ? null : share === 0 ? 'auto' : formatPercent(share),
    ]
      .filter((part) => part !== null)
      .join(' · ');
    item.tooltip = model;
    item.iconPath = new vscode.ThemeIcon('bookmark');
    item.contextValue = 'profile';
    item.command = {
      command: COMMANDS.openPlanner,
      title: 'Open in Planner',
      arguments: [profile],
    };
    return item;
  }

  dispose(): void {
    this.unwatch();
    this.view.dispose();
    this.changed.dispose();
  }
}
