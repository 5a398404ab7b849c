/** Doors that `app/` may knock on. `system/` and `vscode/` open them; tests open fakes. */
import type { Result } from '../shared/failure';
import type { ProcessIdentity, ProcessInfo } from '../processes/process';
import type { SelfFacts } from '../processes/scene';

/** Of a process: what it inherits, and what those that it starts do. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ExecSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ExecOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** null: ended by a signal. */
  readonly exitCode: number | null;
}

export interface StreamSpec {
  readonly file: string;
  readonly args: readonly string[];
  /** Kills the tool. */
  readonly signal: AbortSignal;
  /** What it prints on stdout, cut anywhere. */
  onText(text: string): void;
}

/** Runs a short-lived tool: no shell, no stdin, output capped at 8 MiB, killed at the time-out with its pipes closed. */
export interface Exec {
  /** Fails with toolMissing, timedOut, cancelled or failed; an exit code ≠ 0 is not a failure. */
  run(spec: ExecSpec): Promise<Result<ExecOutput>>;
  /**
   * Runs a tool that goes on printing, until it ends or is killed; resolves with its exit code (null: ended by a signal)
   * when it is gone, or two seconds after the kill. Fails with toolMissing, cancelled or failed.
   */
  stream(spec: StreamSpec): Promise<Result<number | null>>;
  /** Absolute path of an executable on PATH (never the current folder), or null. */
  find(name: string): Promise<string | null>;
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** null: none, for what takes hours; a peer that is gone is still noticed, by TCP's own means. */
  readonly timeoutMs: number | null;
  readonly signal?: AbortSignal;
  /** Takes the body of a 2xx answer as it comes, in order, cut anywhere; the answer itself then comes without one. */
  readonly onText?: (chunk: string) => void;
  /** Longer answers fail; default 64 MiB. */
  readonly maxBytes?: number;
  /** `latin1` keeps a byte per character (binary ranges); default `utf8`. */
  readonly encoding?: 'utf8' | 'latin1';
  /** How many redirects of GET and HEAD to follow; default 0. Credentials stay with the first origin. */
  readonly redirects?: number;
  /**
   * Reads only the start of a 2xx answer, whatever more the server sends: asked once, with the first bytes (8 or more;
   * a shorter answer is read whole), how many to read. Other answers then come without a body.
   */
  readonly cutAt?: (start: Uint8Array) => number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Http {
  /**
   * Any status is an answer; fails with refused, timedOut, cancelled or failed. The time-out is for the whole of it:
   * redirects, headers and body.
   */
  request(request: HttpRequest): Promise<Result<HttpAnswer>>;
}

export interface Net {
  /** Nobody listens on or has bound this loopback port. */
  isPortFree(port: number): Promise<boolean>;
  /** Any free loopback port; fails as a bug where there is none. */
  freePort(): Promise<number>;
}

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface Files {
  /** Follows links; null if missing or unreadable. */
  stat(path: string): Promise<FileFacts | null>;
  /** Names in a folder; empty if missing or unreadable. */
  list(path: string): Promise<readonly string[]>;
  readText(path: string, maxBytes: number): Promise<Result<string>>;
  readRange(path: string, offset: number, length: number): Promise<Result<Uint8Array>>;
  /**
   * Whole file or nothing, also when the host dies meanwhile. Makes the folder. A new file may be for this user alone;
   * one that is replaced keeps its rights.
   */
  writeAtomic(path: string, text: string, how?: { isPrivate: boolean }): Promise<Result<void>>;
  /**
   * A new file, whole from its first moment: of several that try the same name at once exactly one is told `true`, the
   * others `false`. Makes the folder.
   */
  createNew(path: string, text: string): Promise<Result<boolean>>;
  /** Within one folder; needs no room on the disk. False where `from` is gone or it can't be done. */
  rename(from: string, to: string): Promise<boolean>;
  /** No complaint if it is gone already. */
  remove(path: string): Promise<void>;
  realPath(path: string): Promise<string | null>;
  join(...parts: string[]): string;
  homeFolder(): string;
}

export interface ProcessTable {
  /** Every process that can be seen, in one read; empty where the system is not supported. */
  all(): Promise<readonly ProcessInfo[]>;
  /** Only these pids and their ancestors: cheap enough for every sample. */
  withAncestors(pids: readonly number[]): Promise<readonly ProcessInfo[]>;
  one(pid: number): Promise<ProcessInfo | null>;
  /** Value of one variable in a process's environment, for processes of this user; null if unreadable or unset. */
  environmentValue(pid: number, name: string): Promise<string | null>;
  /** Loopback or any-address TCP ports this process listens on. */
  listeningPorts(pid: number): Promise<readonly number[]>;
  /** Files in /dev/shm a process has open, by device and inode. */
  sharedMemory(pid: number): Promise<readonly SharedMemoryFile[]>;
  /** Whether a process has a GPU device node open; null where that cannot be read. */
  holdsGpuDevice(pid: number): Promise<boolean | null>;
  /** Removes one of them if it is still the same file. */
  removeSharedMemory(file: SharedMemoryFile): Promise<boolean>;
  /** Checks the identity and sends in the same tick. `changed`: the pid belongs to somebody else now. */
  signal(
    target: ProcessIdentity,
    signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' | 'SIGHUP',
  ): Promise<SignalOutcome>;
  self(): Promise<SelfFacts>;
}

export type SignalOutcome = 'sent' | 'gone' | 'changed' | 'refused';

export interface SharedMemoryFile {
  readonly path: string;
  readonly device: string;
  readonly inode: string;
}

export interface Clock {
  /** Milliseconds since 1970. May jump, by hours, either way: for showing and for records, not for time-outs. */
  now(): number;
  /** Milliseconds of a clock that never jumps, and may stand still while the machine sleeps: for time-outs. */
  elapsedMs(): number;
  /** Resolves after `ms`, or at once when aborted (never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Log {
  debug(room: string, what: string, facts?: LogFacts): void;
  info(room: string, what: string, facts?: LogFacts): void;
  warn(room: string, what: string, facts?: LogFacts): void;
  error(room: string, what: string, facts?: LogFacts): void;
}

export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface LaunchSpec {
  readonly launchId: string;
  /** Shown as the terminal's name. */
  readonly title: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** null: the workspace folder, or the home folder without one. */
  readonly cwd: string | null;
}

/** What a launch was started with, and the process that runs it. */
export interface RunningLaunch {
  readonly spec: LaunchSpec;
  readonly pid: number;
}

export interface LauncherEvents {
  /** Raw terminal output, colours and carriage returns included; in order, any cut. */
  output(launchId: string, chunk: string): void;
  /** Also fires for a launch found again after a reload. */
  started(launchId: string, pid: number): void;
  /** null: not known. */
  ended(launchId: string, exitCode: number | null): void;
}

/** Runs servers in integrated terminals. */
export interface Launcher {
  /** Resolves with the pid once the process runs; fails with notTrusted, toolMissing, timedOut or failed. */
  start(spec: LaunchSpec): Promise<Result<{ pid: number }>>;
  /** Brings the terminal to the front; false if there is none any more. */
  reveal(launchId: string): Promise<boolean>;
  listen(events: LauncherEvents): void;
}

/** Keeps what must stand in no file: the user's, for every window. */
export interface Secrets {
  /** null: none of that name, or the storage is locked. */
  get(name: string): Promise<string | null>;
  /** null forgets it. False: it could not be kept. */
  set(name: string, value: string | null): Promise<boolean>;
}

/** The doors that need nothing of VS Code; `system/` opens them all. */
export interface MachinePorts {
  readonly exec: Exec;
  readonly http: Http;
  readonly files: Files;
  readonly net: Net;
  readonly table: ProcessTable;
  readonly clock: Clock;
}
