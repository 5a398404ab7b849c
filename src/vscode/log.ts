/** One output channel, a line per fact: `room: what key=value`. Never environment values, never tokens. */
import * as vscode from 'vscode';
import type { Log, LogFacts } from '../app/ports';

const line = (room: string, what: string, facts: LogFacts = {}): string => {
  const pairs = Object.entries(facts).map(([key, value]) => `${key}=${String(value ?? 'unknown')}`);
  return [`${room}: ${what}`, ...pairs].join(' ');
};

export function openLog(): Log & { show(): void; dispose(): void } {
  const channel = vscode.window.createOutputChannel('VRAM Pilot', { log: true });
  return {
    debug: (...fact) => channel.debug(line(...fact)),
    info: (...fact) => channel.info(line(...fact)),
    warn: (...fact) => channel.warn(line(...fact)),
    error: (...fact) => channel.error(line(...fact)),
    show: () => channel.show(true),
    dispose: () => channel.dispose(),
  };
}
