// Finds a desktop VS Code: the program itself, not the `code` script beside it, which only hands over to it.
import fs from 'node:fs';
import path from 'node:path';
import { findOnPath } from '../scripts/processes.mjs';

/** Where the program lies, seen from the real path of `code`. */
const FROM_SCRIPT = {
  linux: ['../../code', '../code', '../../code-insiders'],
  darwin: ['../../../../MacOS/Electron', '../../../../MacOS/Code'],
  win32: ['../../Code.exe', '../Code.exe'],
};

function hasDisplay() {
  return (
    process.platform !== 'linux' || Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY)
  );
}

/** Path of the desktop program, or null where there is none or no display. VSCODE_EXECUTABLE names one by hand. */
export function findDesktop() {
  if (process.env.VSCODE_EXECUTABLE) return process.env.VSCODE_EXECUTABLE;
  if (process.env.VRAM_PILOT_HOST === 'browser' || !hasDisplay()) return null;
  const script = findOnPath('code');
  // In a terminal of a remote window `code` is a helper that talks to that window.
  if (script === null || script.includes('remote-cli')) return null;
  const real = fs.realpathSync(script);
  const candidates = (FROM_SCRIPT[process.platform] ?? []).map((relative) =>
    path.resolve(real, relative),
  );
  return candidates.find((file) => fs.existsSync(file) && fs.statSync(file).isFile()) ?? null;
}
