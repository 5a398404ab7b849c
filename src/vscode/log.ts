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
  let isOpen = true;
  /** A closed channel throws, and what is under way when the window goes (a stop, signal by signal) must not end there. */
  const write =
    (level: keyof Log) =>
    (...fact: Parameters<typeof line>): void => {
      if (isOpen) channel[level](line(...fact));
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    dispose() {
      isOpen = false;
      channel.dispose();
    },
  };
}
