/** One quiet word when a server of ours left processes behind; never again for the same launch, or at all if so wished. */
import * as vscode from 'vscode';
import { orphanNews, SETTLED_MS } from '../../app/holders/orphanNews';
import type { App } from '../../app/app';
import { COMMANDS } from '../contributions';

const CLEAN_UP = 'Clean Up…';
const NEVER = "Don't Show Again";
/** Shared by all windows, so that one of them says it. */
const TOLD_KEY = 'orphanNotice.told';
const OFF_KEY = 'orphanNotice.off';
/** Some weeks' worth of launches. */
const MAX_TOLD = 100;

export function noticeOrphans(app: App, memory: vscode.Memento): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const told = () => new Set(memory.get<readonly string[]>(TOLD_KEY, []));
  const isNews = () =>
    vscode.window.state.focused &&
    !memory.get<boolean>(OFF_KEY, false) &&
    orphanNews(app.store.state(), told()) !== null;

  const settle = () => {
    if (timer || !isNews()) return;
    timer = setTimeout(() => {
      void lookAgain().finally(() => {
        timer = undefined;
      });
    }, SETTLED_MS);
  };

  async function lookAgain(): Promise<void> {
    const holders = await app.inspectHolders();
    const news = isNews() ? orphanNews({ ...app.store.state(), holders }, told()) : null;
    if (!news) return;
    await memory.update(TOLD_KEY, [...told(), ...news.launchIds].slice(-MAX_TOLD));
    app.log.info('cleaner', 'told of leftovers', { launches: news.launchIds.length });
    void ask(news.text);
  }

  async function ask(text: string): Promise<void> {
    const chosen = await vscode.window.showInformationMessage(text, CLEAN_UP, NEVER);
    if (chosen === NEVER) await memory.update(OFF_KEY, true);
    if (chosen === CLEAN_UP) await vscode.commands.executeCommand(COMMANDS.cleanUp);
  }

  const stops = [
    app.store.watch((state) => state.holders, settle),
    app.store.watch((state) => state.servers, settle),
  ];
  return vscode.Disposable.from(
    vscode.window.onDidChangeWindowState(settle),
    new vscode.Disposable(() => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    }),
  );
}
