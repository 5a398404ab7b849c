/** One output channel, a line per fact: `room: what key=value`. Never environment values, never tokens. */
import * as vscode from 'vscode';
import type { Log, LogFacts } from '../app/ports';

const line = (room: string, what: string, facts: LogFacts = {}): string => {
  const pairs = Object.entries(facts).map(([key, value]) => `${key}=${String(value ?? 'unknown')}`);
  return [`${room}: ${what}`, ...pairs].join(' ');
};

let opened: vscode.LogOutputChannel | null = null;

/** Brings the log to the front; the keyboard stays where it is. */
export function showLog(): void {
  opened?.show(true);
}

export function openLog(): Log & { dispose(): void } {
  const channel = vscode.window.createOutputChannel('VRAM Pilot', { log: true });
  opened = channel;
  return {
    debug: (...fact) => channel.debug(line(...fact)),
    info: (...fact) => channel.info(line(...fact)),
    warn: (...fact) => channel.warn(line(...fact)),
    error: (...fact) => channel.error(line(...fact)),
    dispose: () => channel.dispose(),
  };
}
