/**
 * Runs servers as tasks with a ProcessExecution: exact arguments, pid and exit code by event, readable output, the
 * traceback stays visible after a crash, and VS Code hands the same process back after a window reload.
 */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { LaunchSpec, Launcher, LauncherEvents, Log, RunningLaunch } from '../../app/ports';
import { fail, ok, type Result } from '../../shared/failure';
import { TASK_TYPE } from '../contributions';
import { firstFolder } from '../firstFolder';

/** `executeTask` resolving proves nothing; the start event came 0.3–1 s after it where it came at all. */
const START_TIMEOUT_MS = 15_000;

const PID_TIMEOUT_MS = 10_000;

/** How long output may lag behind the end event. */
const LAST_OUTPUT_MS = 400;

const definitionSchema = z.object({ type: z.literal(TASK_TYPE), launchId: z.string() });

export class TaskLauncher implements Launcher, vscode.Disposable {
  private events: LauncherEvents | null = null;
  private readonly pids = new Map<string, number>();
  private readonly waiting = new Map<string, (pid: number | null) => void>();
  private readonly titles = new Map<string, string>();
  private readonly startedHere = new Set<string>();
  /** Launches that VS Code found again, and the process that it should hand back for each. */
  private readonly foundAgain = new Map<string, number>();
  /** What VS Code started anew in place of a process that it should have handed back. */
  private readonly ghosts = new WeakSet<vscode.TaskExecution>();
  /** Launches whose output has not been found yet. */
  private readonly silent = new Set<string>();
  /** Launches that were given up because VS Code did not start them in time; it may still do so. */
  private readonly givenUp = new Set<string>();
  private readonly disposables: vscode.Disposable[];

  /**
   * `runningLaunch` gives back the launch of a task that VS Code found again after a reload, or null where it must not
   * run: some 3 s after a reload VS Code asks for every task it remembers, and starts anew what has no terminal any more,
   * also one that was stopped since, and even one that was started since (seen on 1.139). One that ends right after
   * the answer is started anew as well: that is ended at once.
   */
  constructor(
    private readonly log: Log,
    private readonly runningLaunch: (launchId: string) => Promise<RunningLaunch | null>,
    private readonly homeFolder: string,
  ) {
    this.disposables = [
      vscode.tasks.registerTaskProvider(TASK_TYPE, {
        provideTasks: () => [],
        resolveTask: (task) => this.findAgain(task),
      }),
      vscode.tasks.onDidStartTaskProcess(({ execution, processId }) =>
        this.onStarted(execution, processId),
      ),
      vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
        if (!this.ghosts.has(execution)) this.onEnded(execution.task, exitCode ?? null);
      }),
      vscode.window.onDidStartTerminalShellExecution(({ terminal, execution }) => {
        // read() inside the event, or the first output is lost; whose it is, is known a little later
        if (this.silent.size > 0) void this.follow(terminal, execution.read());
      }),
    ];
  }

  listen(events: LauncherEvents): void {
    this.events = events;
  }

  async start(spec: LaunchSpec): Promise<Result<{ pid: number }>> {
    if (!vscode.workspace.isTrusted) {
      return fail('notTrusted', 'Servers start only in a trusted workspace.');
    }
    this.titles.set(spec.launchId, spec.title);
    this.silent.add(spec.launchId);
    this.startedHere.add(spec.launchId);
    const started = new Promise<number | null>((settle) => this.waiting.set(spec.launchId, settle));
    const timeout = new Promise<'timedOut'>((settle) =>
      setTimeout(() => settle('timedOut'), START_TIMEOUT_MS),
    );
    try {
      await vscode.tasks.executeTask(taskFor(spec, this.homeFolder));
    } catch (error) {
      this.waiting.delete(spec.launchId);
      this.silent.delete(spec.launchId);
      return fail('notSupported', `VS Code could not run the task: ${String(error)}`);
    }
    const pid = await Promise.race([started, timeout]);
    this.waiting.delete(spec.launchId);
    if (pid === 'timedOut') {
      this.silent.delete(spec.launchId);
      this.givenUp.add(spec.launchId);
      return fail('timedOut', 'VS Code accepted the task but never started its process.');
    }
    return pid === null
      ? fail('toolMissing', `${spec.file} could not be started; see the terminal "${spec.title}".`)
      : ok({ pid });
  }

  async reveal(launchId: string): Promise<boolean> {
    const pid = this.pids.get(launchId);
    const pids = await Promise.all(vscode.window.terminals.map(pidOf));
    const byPid = vscode.window.terminals.find((_, at) => pid !== undefined && pids[at] === pid);
    // the terminal of an ended process has no pid any more, and two launches may share a title: the newest is meant
    const title = this.titles.get(launchId);
    const terminal = byPid ?? vscode.window.terminals.findLast(({ name }) => name === title);
    terminal?.show(true);
    return terminal !== undefined;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Asked by VS Code after a reload. */
  async findAgain(task: vscode.Task): Promise<vscode.Task | undefined> {
    const launchId = launchIdOf(task);
    const launch =
      launchId === null || this.startedHere.has(launchId)
        ? null
        : await this.runningLaunch(launchId);
    this.log.debug('launcher', 'task asked back', { launchId, known: launch !== null });
    if (!launch) return undefined;
    const { spec, pid } = launch;
    this.titles.set(spec.launchId, spec.title);
    this.foundAgain.set(spec.launchId, pid);
    // the definition must be the very one that VS Code asked with, or it doesn't recognise the task
    return taskFor(spec, this.homeFolder, task.definition);
  }

  private onStarted(execution: vscode.TaskExecution, pid: number): void {
    const launchId = launchIdOf(execution.task);
    if (launchId === null) return;
    const waiting = this.waiting.get(launchId);
    const expected = this.foundAgain.get(launchId);
    if (!waiting && expected !== undefined && pid !== expected) {
      this.log.warn('launcher', 'started anew by VS Code, ended', { launchId, pid, expected });
      this.ghosts.add(execution);
      execution.terminate();
      return;
    }
    if (this.givenUp.delete(launchId)) {
      // whoever asked was told that it did not start: nobody would watch it
      this.log.warn('launcher', 'started too late, ended', { launchId, pid });
      execution.terminate();
      return;
    }
    this.foundAgain.delete(launchId);
    // typed as a number, but undefined for a missing executable (seen on 1.139)
    const known = typeof pid === 'number' && pid > 0 ? pid : null;
    if (known !== null) this.pids.set(launchId, known);
    if (waiting) waiting(known);
    else if (known !== null) this.events?.started(launchId, known);
  }

  /** The terminal of a task has no name yet when its output begins, so it is told by its process. */
  private async follow(terminal: vscode.Terminal, output: AsyncIterable<string>): Promise<void> {
    const early: string[] = [];
    const known: { launchId: string | null; isForeign: boolean } = {
      launchId: null,
      isForeign: false,
    };
    const owner = this.launchOf(terminal).then((launchId) => {
      known.launchId = launchId;
      known.isForeign = launchId === null;
      const heard = early.splice(0);
      if (launchId === null) return;
      this.silent.delete(launchId);
      for (const chunk of heard) this.events?.output(launchId, chunk);
    });
    try {
      for await (const chunk of output) {
        // somebody else's terminal, which may print for days
        if (known.isForeign) break;
        if (known.launchId === null) early.push(chunk);
        else this.events?.output(known.launchId, chunk);
      }
    } catch (error) {
      this.log.debug('launcher', 'output ended', { error: String(error) });
    }
    await owner;
  }

  private async launchOf(terminal: vscode.Terminal): Promise<string | null> {
    const pid = await pidOf(terminal);
    for (let look = 0; look < 50 && pid !== undefined; look++) {
      const found = [...this.pids].find(([, known]) => known === pid);
      if (found) return found[0];
      await new Promise((next) => setTimeout(next, 100));
    }
    return null;
  }

  private onEnded(task: vscode.Task, exitCode: number | null): void {
    const launchId = launchIdOf(task);
    if (launchId === null) return;
    this.silent.delete(launchId);
    this.givenUp.delete(launchId);
    this.waiting.get(launchId)?.(null);
    // the last lines of a crash arrive beside the end; the cause stands in them
    setTimeout(() => this.events?.ended(launchId, exitCode), LAST_OUTPUT_MS);
  }
}

function taskFor(
  spec: LaunchSpec,
  homeFolder: string,
  definition?: vscode.TaskDefinition,
): vscode.Task {
  const folder = firstFolder();
  // without a folder VS Code refuses every working directory but the home folder
  const cwd = folder ? (spec.cwd ?? folder.uri.fsPath) : homeFolder;
  const task = new vscode.Task(
    definition ?? { type: TASK_TYPE, launchId: spec.launchId },
    folder ? vscode.TaskScope.Workspace : vscode.TaskScope.Global,
    spec.title,
    'VRAM Pilot',
    new vscode.ProcessExecution(spec.file, [...spec.args], { cwd, env: { ...spec.env } }),
    [],
  );
  task.isBackground = true;
  task.presentationOptions = {
    reveal: vscode.TaskRevealKind.Always,
    panel: vscode.TaskPanelKind.New,
    focus: false,
    echo: true,
    showReuseMessage: false,
  };
  return task;
}

function launchIdOf(task: vscode.Task): string | null {
  const parsed = z.safeParse(definitionSchema, task.definition);
  return parsed.success ? parsed.data.launchId : null;
}

/** `processId` may never settle (a missing executable), so it is raced. */
async function pidOf(terminal: vscode.Terminal): Promise<number | undefined> {
  return Promise.race([
    terminal.processId,
    new Promise<undefined>((settle) => setTimeout(() => settle(undefined), PID_TIMEOUT_MS)),
  ]);
}
