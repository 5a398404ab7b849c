/** One warning when Ollama runs on the CPU because servers of ours hold the GPU; never again for the same event. */
import * as vscode from 'vscode';
import { ollamaFallbacks, type OllamaFallback } from '../../app/coexistence/coexistenceText';
import type { App } from '../../app/app';
import { COMMANDS } from '../contributions';

const SHOW = 'Show';
const NEVER = "Don't Show Again";
/** Models that were told of and are not back on the GPU yet. Shared by all windows, so that one of them says it. */
const TOLD_KEY = 'coexistenceNotice.told';
const OFF_KEY = 'coexistenceNotice.off';

export function noticeFallbacks(app: App, memory: vscode.Memento): vscode.Disposable {
  async function look(): Promise<void> {
    const told = memory.get<readonly string[]>(TOLD_KEY, []);
    const state = app.store.state();
    const now = ollamaFallbacks(state);
    const isOver = (model: string) =>
      !state.coexistence.ollama.models.some(
        ({ name, sizeBytes, gpuBytes }) => name === model && gpuBytes < sizeBytes,
      );
    const news = now.filter(({ model }) => !told.includes(model));
    const mayTell = vscode.window.state.focused && !memory.get<boolean>(OFF_KEY, false);
    const kept = told.filter((model) => !isOver(model));
    const next = mayTell ? [...kept, ...news.map(({ model }) => model)] : kept;
    if (next.join() !== told.join()) await memory.update(TOLD_KEY, next);
    if (mayTell) for (const one of news) void warn(one);
  }

  async function warn({ model, text }: OllamaFallback): Promise<void> {
    app.log.warn('coexistence', 'Ollama fell back to the CPU', { model });
    const chosen = await vscode.window.showWarningMessage(text, SHOW, NEVER);
    if (chosen === NEVER) await memory.update(OFF_KEY, true);
    if (chosen === SHOW) await vscode.commands.executeCommand(COMMANDS.planWorkers, 'settings');
  }

  const unwatch = app.store.watch(
    // their cause may be known later than they are
    (state) =>
      JSON.stringify([
        state.coexistence.ollama.models,
        ollamaFallbacks(state).map(({ model }) => model),
      ]),
    () => void look(),
  );
  return vscode.Disposable.from(
    vscode.window.onDidChangeWindowState(() => void look()),
    new vscode.Disposable(unwatch),
  );
}
