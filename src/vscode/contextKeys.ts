/** Context keys that package.json's `when` clauses and the steps of the walkthrough read. */
import * as vscode from 'vscode';
import { placeOf } from '../app/place';
import type { ProcessTable } from '../app/ports';
import type { App } from '../app/app';
import { liveServers, type AppState } from '../app/state';
import { CONTEXT_KEYS } from './contributions';

type Key = keyof typeof CONTEXT_KEYS;

export function followContextKeys(
  { store, listModels }: Pick<App, 'store' | 'listModels'>,
  table: ProcessTable,
  servers: Pick<vscode.TreeView<unknown>, 'onDidChangeVisibility'>,
): vscode.Disposable {
  const { engines: notLooked, models: notListed } = store.state();
  const values: Partial<Record<Key, (state: AppState) => boolean>> = {
    hasGpu: ({ gpu }) => hasAnswered(gpu) && gpu.status !== 'absent',
    hasEngine: ({ engines }) => engines.vllm.found || engines.ollama.found,
    lacksModels: ({ models }) => models !== notListed && models.length === 0,
    hasServers: (state) => liveServers(state).length > 0,
    // last, so that nothing is called missing while its key is on the way
    looked: ({ gpu, engines }) => hasAnswered(gpu) && engines !== notLooked,
  };
  const reached: Partial<Record<Key, (state: AppState) => boolean>> = {
    hasPlanned: ({ model, wish }) => wish.model !== '' && model?.facts != null,
    hasServed: ({ servers }) => servers.some(({ phase }) => phase === 'ready'),
  };
  const unwatchers = [
    ...entriesOf(values).map(([key, select]) => store.watch(select, (value) => set(key, value))),
    ...entriesOf(reached).map(([key, select]) =>
      store.watch(select, (isSo) => {
        if (isSo) reach(key);
      }),
    ),
  ];
  void table.self().then((self) => set('place', placeOf(self, vscode.env.remoteName)));
  // folders are looked through once somebody sees what is said about them, and not at every start
  const listing = servers.onDidChangeVisibility(({ visible }) => {
    const { models, servers: listed } = store.state();
    if (visible && models === notListed && listed.length === 0) void listModels();
  });
  return vscode.Disposable.from(
    listing,
    new vscode.Disposable(() => {
      for (const unwatch of unwatchers) unwatch();
    }),
  );
}

/** A step of the walkthrough: done once, it stays done. */
export function reach(key: Key): void {
  set(key, true);
}

function set(key: Key, value: boolean | string): void {
  void vscode.commands.executeCommand('setContext', CONTEXT_KEYS[key], value);
}

const entriesOf = <T>(record: Partial<Record<Key, T>>) => Object.entries(record) as [Key, T][];

const hasAnswered = (gpu: AppState['gpu']) => gpu.status !== 'unknown';
