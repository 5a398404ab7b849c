/** Choosing a model: what is on this machine, a folder or file from disk, or a typed name. */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import { enginesForTyped } from '../../app/models/typedModel';
import { engineNames } from '../../shared/engineNames';
import type { ModelChoice } from '../../shared/protocol';
import type { Wish } from '../../shared/wish';

type Item = vscode.QuickPickItem & { readonly choose?: () => Promise<Chosen | null> };
type Chosen = Pick<Wish, 'engine' | 'model'>;

const GROUPS: readonly (readonly [ModelChoice['source'], string])[] = [
  ['folder', 'Folders'],
  ['huggingFaceCache', 'Hugging Face cache'],
  ['gguf', 'GGUF files'],
  ['ollama', 'Ollama'],
];

/** null: cancelled. */
export async function pickModel(app: App): Promise<Chosen | null> {
  const picker = vscode.window.createQuickPick<Item>();
  picker.title = 'Model to deploy';
  picker.placeholder = 'Choose, or type a folder, a Hugging Face name or an Ollama tag';
  picker.matchOnDescription = true;
  picker.busy = true;
  const fill = (typed: string) => {
    picker.items = itemsFor(app, typed);
  };
  fill('');
  void app.listModels().finally(() => {
    picker.busy = false;
    fill(picker.value);
  });
  const chosen = await new Promise<Item | null>((settle) => {
    picker.onDidChangeValue(fill);
    picker.onDidAccept(() => settle(picker.selectedItems[0] ?? null));
    picker.onDidHide(() => settle(null));
    picker.show();
  });
  picker.dispose();
  return (await chosen?.choose?.()) ?? null;
}

function itemsFor(app: App, typed: string): Item[] {
  const { models } = app.store.state();
  const items: Item[] = [];
  const text = typed.trim();
  if (text !== '' && !models.some((model) => model.id === text))
    items.push(...typedItems(app, text));
  // at a fixed place: the list below it fills while somebody may be about to click
  items.push({
    label: '$(folder-opened) Choose a Folder…',
    alwaysShow: true,
    choose: chooseFolder,
  });
  for (const [source, title] of GROUPS) {
    const group = models.filter((model) => model.source === source);
    if (group.length === 0) continue;
    items.push({ label: title, kind: vscode.QuickPickItemKind.Separator });
    for (const model of group) {
      items.push({
        label: model.label,
        description: model.detail,
        choose: () =>
          Promise.resolve({ engine: source === 'ollama' ? 'ollama' : 'vllm', model: model.id }),
      });
    }
  }
  return items;
}

/** One for each engine that may know the name. */
function typedItems(app: App, text: string): Item[] {
  const hint = app.hintForTyped(text);
  return enginesForTyped(text, app.store.state().engines).map((engine) => ({
    label: text,
    description: `with ${engineNames[engine]}`,
    ...(engine === 'ollama' || hint === null ? {} : { detail: hint }),
    alwaysShow: true,
    choose: () => Promise.resolve({ engine, model: text }),
  }));
}

async function chooseFolder(): Promise<Chosen | null> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: 'Use This Model',
      title: 'Folder with config.json and weights',
    })) ?? [];
  return uri ? { engine: 'vllm', model: uri.fsPath } : null;
}
