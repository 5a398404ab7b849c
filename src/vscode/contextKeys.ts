/** Context keys that package.json's `when` clauses read. */
import * as vscode from 'vscode';
import { liveServers } from '../app/state';
import type { AppStore } from '../app/store';
import { CONTEXT_KEYS } from './contributions';

export function followContextKeys(store: AppStore): vscode.Disposable {
  const set = (key: string, value: boolean) =>
    void vscode.commands.executeCommand('setContext', key, value);
  const unwatchers = [
    store.watch(
      (state) => state.gpu.status !== 'absent' && state.gpu.status !== 'unknown',
      (hasGpu) => set(CONTEXT_KEYS.hasGpu, hasGpu),
    ),
    store.watch(
      (state) => liveServers(state).length > 0,
      (hasServers) => set(CONTEXT_KEYS.hasServers, hasServers),
    ),
  ];
  return new vscode.Disposable(() => {
    for (const unwatch of unwatchers) unwatch();
  });
}
