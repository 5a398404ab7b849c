/** Everything a judgement about GPU holders may look at: one moment of the machine, as plain data. */
import type { GpuProcess } from '../gpu/gpu';
import type { LaunchFamily } from './family';
import type { HolderClass, LaunchRecord, ProcessInfo } from './process';
import type { ProcessIndex } from './tree';

export interface KnownLaunch {
  readonly record: LaunchRecord;
  /** `adopted`: found running and taken under watch at the user's wish. */
  readonly origin: 'ours' | 'adopted';
}

/** As `ProcessTable.self()`. */
export interface SelfFacts {
  readonly uid: number | null;
  /** Never to be signalled: ourselves first, then our ancestors. */
  readonly protectedPids: readonly number[];
  /** In a PID namespace of its own (distributions of WSL are, too): tools may print pids that mean nothing here. */
  readonly inContainer: boolean;
  /** Whose ways of showing processes these are; absent: Linux. */
  readonly system?: 'linux' | 'wsl' | 'mac' | 'windows';
}

export interface HolderEvidence {
  /** pid → launch id, read from the environment of processes of this user. */
  readonly marks?: ReadonlyMap<number, string>;
  /** Whether a pid really has a GPU device open; absent: not known. Decides in containers, where GPU tools may print pids of the host. */
  readonly holdsGpuDevice?: ReadonlyMap<number, boolean>;
  /** Ports that servers, and unknown programs in the groups of engines, listen on; absent: was not looked at. */
  readonly listening?: ReadonlyMap<number, readonly number[]>;
  /** Python executables whose environment has vLLM installed. */
  readonly vllmPythons?: ReadonlySet<string>;
  /** Parts of command lines the user never wants to see offered (setting `cleanUp.protect`). */
  readonly protect?: readonly string[];
}

export interface HoldersInput {
  readonly gpuProcesses: readonly GpuProcess[];
  readonly table: readonly ProcessInfo[];
  readonly launches: readonly KnownLaunch[];
  readonly self: SelfFacts;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly evidence?: HolderEvidence;
}

/** What a rule says about one process. `mayEnd` is a wish: `whyNotEnd` of holders.ts has the last word. */
export interface Judgement {
  readonly class: HolderClass;
  readonly reason: string;
  readonly mayEnd: boolean;
  /** Where the rule knows better than the words of the class. */
  readonly remedy?: string | undefined;
  readonly launchId?: string;
}

/** A judgement by which the process is not ended from here. */
export const handsOff = (holderClass: HolderClass, reason: string, remedy?: string): Judgement => ({
  class: holderClass,
  reason,
  mayEnd: false,
  remedy,
});

export interface Scene extends HoldersInput {
  readonly index: ProcessIndex;
  readonly evidence: HolderEvidence;
  readonly families: readonly { readonly launch: KnownLaunch; readonly family: LaunchFamily }[];
}
