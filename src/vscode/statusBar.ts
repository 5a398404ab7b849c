/** The GPU gauge: one item, on the left, because the memory belongs to the whole machine. */
import * as vscode from 'vscode';
import { gaugeOf, type Gauge } from '../app/gpus/gauge';
import type { Trends } from '../app/gpus/history';
import type { Clock } from '../app/ports';
import type { Settings } from '../app/settings';
import type { AppStore } from '../app/store';
import { COMMANDS } from './contributions';

/** While the tool hangs nothing changes but the age of the figures. Not oftener: a new age closes an open hover. */
const AGE_EVERY_MS = 3_000;

export function showStatusBar(
  store: AppStore,
  settings: () => Settings,
  clock: Clock,
  trends: () => Trends,
): vscode.Disposable {
  const item = vscode.window.createStatusBarItem(
    'vramPilot.gauge',
    vscode.StatusBarAlignment.Left,
    10,
  );
  item.name = 'VRAM Pilot';
  item.command = COMMANDS.openPlanner;
  let shown: Gauge | null = null;
  const draw = () => {
    const gauge = gaugeOf(store.state(), settings(), clock.now(), trends());
    if (gauge.text !== shown?.text) item.text = gauge.text;
    if (gauge.hover !== shown?.hover) item.tooltip = hoverOf(gauge.hover);
    if (gauge.spoken !== shown?.spoken) item.accessibilityInformation = { label: gauge.spoken };
    if (gauge.colour !== shown?.colour) {
      item.backgroundColor =
        gauge.colour === 'none'
          ? undefined
          : new vscode.ThemeColor(`statusBarItem.${gauge.colour}Background`);
    }
    if (gauge.visible !== (shown?.visible ?? false)) {
      if (gauge.visible) item.show();
      else item.hide();
    }
    shown = gauge;
  };
  draw();
  const unwatch = store.watch((state) => state, draw);
  const ageing = setInterval(draw, AGE_EVERY_MS);
  return vscode.Disposable.from(
    item,
    new vscode.Disposable(unwatch),
    new vscode.Disposable(() => clearInterval(ageing)),
  );
}

function hoverOf(text: string): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString(text, true);
  markdown.isTrusted = { enabledCommands: [COMMANDS.openPlanner, COMMANDS.cleanUp] };
  return markdown;
}
