/** `Show What Was Learned` and `Forget What Was Learned…`: each entry with what was seen, where it comes from, its effect. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { learnedReport, learnedRows, type LearnedRow } from '../../app/learning/learnedReport';
import type { App } from '../../app/app';
import { sayFailure } from '../messages';
import { showReport } from '../documents/reportDocuments';

type Item = vscode.QuickPickItem & { readonly row?: LearnedRow };

const FORGET: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('trash'),
  tooltip: 'Forget',
};
const FORGET_ALL: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('clear-all'),
  tooltip: 'Forget Everything…',
};
const AS_TEXT: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('go-to-file'),
  tooltip: 'Open as Text',
};

const SHARED = "It is taken out of the workspace's vram-calibration.json too.";

const argumentSchema = z.object({ key: z.nullable(z.string()) });

/** Newest first; the chosen one, or all, opens as text; a button beside each forgets it. */
export function showLearned(app: App): void {
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = 'What Was Learned';
  pick.placeholder = 'Choose one to read all of it';
  pick.matchOnDetail = true;
  pick.matchOnDescription = true;
  pick.buttons = [AS_TEXT, FORGET_ALL];
  const draw = () => {
    pick.items = itemsOf(app, [FORGET]);
  };
  draw();
  const unwatch = app.store.watch((state) => state.learned, draw);
  pick.onDidTriggerItemButton(({ item }) => {
    if (item.row) void forget(app, item.row.key);
  });
  pick.onDidTriggerButton((button) => {
    pick.hide();
    void (button === AS_TEXT ? openText(app, rowsOf(app)) : forgetAll(app));
  });
  pick.onDidAccept(() => {
    const [item] = pick.selectedItems;
    pick.hide();
    if (item?.row) void openText(app, [item.row]);
  });
  pick.onDidHide(() => {
    unwatch();
    pick.dispose();
  });
  pick.show();
}

/** Asks what to forget; a caller that names it (`{ key }`, null for all) has decided already. */
export async function forgetLearned(app: App, argument: unknown): Promise<void> {
  const given = z.safeParse(argumentSchema, argument);
  if (given.success) return forget(app, given.data.key);
  if (rowsOf(app).length === 0) {
    void vscode.window.showInformationMessage('Nothing has been learned yet.');
    return;
  }
  const all: Item = { label: 'Forget Everything…', iconPath: new vscode.ThemeIcon('clear-all') };
  const chosen = await vscode.window.showQuickPick([all, ...itemsOf(app, [])], {
    title: 'Forget What Was Learned',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (chosen === all) return forgetAll(app);
  if (!chosen?.row) return;
  const { key, title, conditions, seen, isShared } = chosen.row;
  const detail = [conditions, seen, ...(isShared ? [SHARED] : [])].join('\n');
  if (await confirm(`Forget what was learned of ${title}?`, detail)) await forget(app, key);
}

async function forgetAll(app: App): Promise<void> {
  const rows = rowsOf(app);
  const { length } = rows;
  if (length === 0) return;
  const detail = [
    'Plans go back to estimates, and settings that failed may be proposed again.',
    ...(rows.some((row) => row.isShared) ? [SHARED] : []),
  ].join('\n');
  const what = length === 1 ? 'the one thing that was' : `all ${String(length)} things that were`;
  if (await confirm(`Forget ${what} learned?`, detail)) await forget(app, null);
}

async function confirm(question: string, detail: string): Promise<boolean> {
  const yes = 'Forget';
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}

async function forget(app: App, key: string | null): Promise<void> {
  const forgotten = await app.forgetLearned(key);
  if (!forgotten.ok) await sayFailure('Forget What Was Learned', forgotten.failure);
}

function rowsOf(app: App): readonly LearnedRow[] {
  return learnedRows(app.store.state().learned);
}

function itemsOf(app: App, buttons: readonly vscode.QuickInputButton[]): Item[] {
  const problems = app.store.state().learned.problems.map((text): Item => ({
    label: text,
    iconPath: new vscode.ThemeIcon('warning'),
    alwaysShow: true,
  }));
  const rows = rowsOf(app).map((row): Item => ({
    label: row.title,
    description: `${row.conditions} · ${row.source}`,
    detail: row.seen,
    iconPath: new vscode.ThemeIcon(row.isGood ? 'pass' : 'error'),
    buttons,
    row,
  }));
  const nothing: Item = {
    label: 'Nothing yet',
    detail: 'Every server that comes up, or fails for lack of memory, teaches something.',
  };
  return [...problems, ...(rows.length > 0 ? rows : [nothing])];
}

const openText = (app: App, rows: readonly LearnedRow[]): Promise<void> =>
  showReport('what-was-learned.md', learnedReport(rows, app.store.state().learned.problems));
