// Colour themes of the real window: setting one, and what VS Code hands to a webview under it.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/paths.mjs';
import { plannerFrame } from './page.mjs';
import { settle } from './settle.mjs';

/** The window's settings file; other settings in it stay. */
export function changeSettings(change) {
  const folder = path.join(process.env.TEST_WORKSPACE, '.vscode');
  const file = path.join(folder, 'settings.json');
  fs.mkdirSync(folder, { recursive: true });
  const settings = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  fs.writeFileSync(file, JSON.stringify({ ...settings, ...change }, null, 2));
}

/** Turns the window to a theme and waits until the open planner has its colours. */
export async function setTheme(hand, { id }) {
  changeSettings({ 'workbench.colorTheme': id });
  const frame = await plannerFrame(hand);
  await frame.waitForFunction((themeId) => document.body.dataset.vscodeThemeId === themeId, id);
  // styles follow the name of the theme in the same message
  await settle(frame, 300);
}

/** `--vscode-…` names in the built page: its own, and those of the toolkit. */
function usedVariables() {
  const texts = ['webview.css', 'webview.js'].map((name) =>
    fs.readFileSync(path.join(root, 'dist', name), 'utf8'),
  );
  const found = texts.join('\n').matchAll(/--vscode-([A-Za-z][\w-]*)/g);
  return [...new Set([...found].map(([, name]) => name))].sort();
}

/** What the webview of the planner holds under the present theme: `{ id, class, variables }`. */
export async function readTheme(hand) {
  const frame = await plannerFrame(hand);
  return frame.evaluate((names) => {
    const style = document.documentElement.style;
    const entries = names.map((name) => [name, style.getPropertyValue(`--vscode-${name}`).trim()]);
    const kinds = [...document.body.classList].filter((name) =>
      /^vscode-(dark|light|high)/.test(name),
    );
    return {
      id: document.body.dataset.vscodeThemeId,
      class: kinds.join(' '),
      variables: Object.fromEntries(entries.filter(([, value]) => value !== '')),
    };
  }, usedVariables());
}
