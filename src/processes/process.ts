/**
 * The room `processes`: whose a process is, and what of it may be ended in which order. Pure: `system/` reads the process
 * table and sends signals, `app/` decides when. Here: the types.
 */

/** A pid alone is reused; with the start time and the boot it names one process for good. */
export interface ProcessIdentity {
  readonly pid: number;
  /**
   * When it started, in digits; larger is later. Linux: ticks since boot (field 22 of /proc/PID/stat); macOS: seconds since
   * 1970; Windows: 100 ns since the year 1.
   */
  readonly startTime: string;
  readonly bootId: string;
}

export interface ProcessInfo extends ProcessIdentity {
  readonly ppid: number;
  /** Process group and session; null where the system has none. */
  readonly pgid: number | null;
  readonly sid: number | null;
  readonly uid: number | null;
  readonly user: string | null;
  /** Z zombie, D waiting in the kernel, T stopped, R, S … */
  readonly state: string;
  /** Cut at 15 characters on Linux. */
  readonly comm: string;
  /** Arguments, unredacted; empty for kernel threads and zombies. Redact before showing. */
  readonly args: readonly string[];
  /** Milliseconds since 1970. */
  readonly startedAtMs: number | null;
  /** Container id from the cgroup; null outside one. */
  readonly containerId: string | null;
  /** False where the process lives in another PID namespace than this one. */
  readonly sameNamespace: boolean;
}

/** Classes and their JSON names are fixed by the contracts. */
export type HolderClass =
  | 'ourServer'
  | 'adoptedServer'
  | 'orphanedWorker'
  | 'zombie'
  | 'otherNamespace'
  | 'deadPid'
  | 'notebook'
  | 'display'
  | 'otherUser'
  | 'stranger';

/** A process that holds GPU memory, judged. */
export interface Holder {
  readonly pid: number;
  readonly startTime: string | null;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number | null;
  readonly user: string | null;
  /** Redacted, for showing. */
  readonly command: string | null;
  readonly usedBytes: number | null;
  readonly gpus: readonly number[];
  readonly class: HolderClass;
  /** The evidence, in words. */
  readonly reason: string;
  readonly remedy: string;
  /** True only for orphaned engine processes of this user in this namespace. */
  readonly canEnd: boolean;
  /** Pids of other leftovers that are ended with it; absent: none. */
  readonly goesWith?: readonly number[];
  /** The launch on record that it belongs to, or was left behind by; absent: none. */
  readonly launchId?: string;
}

/** What a launch leaves behind to be found by. Recorded as soon as the pid is known, kept after the end. */
export interface LaunchRecord {
  readonly launchId: string;
  readonly engine: 'vllm' | 'ollama';
  readonly main: ProcessIdentity;
  readonly pgid: number | null;
  readonly sid: number | null;
  readonly port: number;
  /** Every process ever seen as belonging to this launch; ranks that left the group are found by this. */
  readonly seen: readonly ProcessIdentity[];
}

/** Name of the variable put into the environment of every process we start. */
export const LAUNCH_MARK = 'VRAM_PILOT_LAUNCH';
