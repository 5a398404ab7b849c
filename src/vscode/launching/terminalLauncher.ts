/**
 * The fallback where tasks can't run: a terminal whose program is the server itself. Arguments stay exact, but the
 * output can't be read and the server dies with a window reload; the terminal says so.
 */
import * as vscode from 'vscode';
import type { LaunchSpec, Launcher, LauncherEvents } from '../../app/ports';
import { fail, ok, type Result } from '../../shared/failure';
import { firstFolder } from '../firstFolder';

const START_TIMEOUT_MS = 15_000;

export class TerminalLauncher implements Launcher, vscode.Disposable {
  private events: LauncherEvents | null = null;
  private readonly terminals = new Map<string, vscode.Terminal>();
  private readonly closing: vscode.Disposable;

  constructor(private readonly homeFolder: string) {
    this.closing = vscode.window.onDidCloseTerminal((closed) => {
      const launchId = [...this.terminals].find(([, terminal]) => terminal === closed)?.[0];
      // a reload looks like closing; the server's end it is not
      if (
        launchId === undefined ||
        closed.exitStatus?.reason === vscode.TerminalExitReason.Shutdown
      )
        return;
      this.terminals.delete(launchId);
      this.events?.ended(launchId, closed.exitStatus?.code ?? null);
    });
  }

  listen(events: LauncherEvents): void {
    this.events = events;
  }

  async start(spec: LaunchSpec): Promise<Result<{ pid: number }>> {
    if (!vscode.workspace.isTrusted) {
      return fail('notTrusted', 'Servers start only in a trusted workspace.');
    }
    const folder = firstFolder()?.uri.fsPath;
    const terminal = vscode.window.createTerminal({
      name: spec.title,
      shellPath: spec.file,
      shellArgs: [...spec.args],
      env: { ...spec.env },
      cwd: folder === undefined ? this.homeFolder : (spec.cwd ?? folder),
      // or VS Code would start the server a second time after a restart
      isTransient: true,
      message: 'Started without a task: a window reload ends this server.',
    });
    this.terminals.set(spec.launchId, terminal);
    terminal.show(true);
    const pid = await Promise.race([
      terminal.processId,
      new Promise<undefined>((settle) => setTimeout(() => settle(undefined), START_TIMEOUT_MS)),
    ]);
    if (pid !== undefined) return ok({ pid });
    // what came up later would run unseen; closed from here it tells no end
    this.terminals.delete(spec.launchId);
    terminal.dispose();
    return fail('toolMissing', `${spec.file} could not be started in a terminal.`);
  }

  reveal(launchId: string): Promise<boolean> {
    this.terminals.get(launchId)?.show(true);
    return Promise.resolve(this.terminals.has(launchId));
  }

  dispose(): void {
    this.closing.dispose();
  }
}

/** Tasks first; the terminal only where VS Code refused the task outright, so that nothing starts twice. */
export function launcherWithFallback(first: Launcher, second: Launcher): Launcher {
  return {
    listen(events) {
      first.listen(events);
      second.listen(events);
    },
    async start(spec) {
      const started = await first.start(spec);
      return !started.ok && started.failure.reason === 'notSupported'
        ? second.start(spec)
        : started;
    },
    reveal: async (launchId) => (await first.reveal(launchId)) || second.reveal(launchId),
  };
}
