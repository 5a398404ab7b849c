/** What the front doors talk to, and what they give to begin with. */
import type { Holder } from '../processes/process';
import type { SelfFacts } from '../processes/scene';
import type { Result } from '../shared/failure';
import type { Command, PlanAnswer } from '../shared/planAnswer';
import type { EngineId } from '../shared/planRequest';
import type { Snapshot } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import type { GpuHistory } from './gpus/history';
import type { EndOutcome } from './holders/cleaner';
import type { DeployResult } from './launching/deploy';
import type { StartAllOptions, StartAllOutcome } from './launching/startAll';
import type { OfferedLaunch } from './learning/offeredLaunch';
import type { WorkersReport, WorkersWish } from './planning/workersReport';
import type { ServerUse } from './requests/serverUse';
import type { Candidate } from './servers/adoption';
import type { OutputTails } from './servers/outputTails';
import type { Servers } from './servers/servers';
import type { Ports } from './appContext';
import type { Environment, Launcher, Secrets } from './ports';
import type { Settings } from './settings';
import type { Profile, Server } from './state';
import type { AppStore } from './store';

export interface AppOptions extends Ports {
  readonly launcher: Launcher;
  readonly settings: () => Settings;
  /** The extension's own folder on this machine. */
  readonly storageFolder: string;
  readonly workspaceFolder: string | null;
  /** Runs a simulated server for given `vllm serve` arguments. */
  readonly simulatedServer: Command;
  /** Of this process: which hub, and the user's token for it. */
  readonly environment: Environment;
  /** A token for the hub that the user gave to the editor; null: none. */
  readonly storedHubToken: () => Promise<string | null>;
  readonly secrets: Secrets;
  readonly version: string;
  /** True while somebody looks. */
  readonly isWatched: () => boolean;
  /** The workspace is trusted. */
  readonly isTrusted: () => boolean;
}

export interface App extends Servers, ServerUse {
  readonly store: AppStore;
  readonly log: Ports['log'];
  now(): number;
  /** Starts the loops; returns at once. */
  run(): void;
  /** Somebody looks again. */
  wake(): void;
  refresh(): Promise<void>;
  settingsChanged(): Promise<void>;
  /** Where the sizes of a typed model would come from; null: nothing to say. */
  hintForTyped(model: string): string | null;
  /** Asks the hub again for what it refused. */
  hubTokenChanged(): void;
  setWish(wish: Wish, from: 'page' | 'host'): void;
  defaultWish(engine: EngineId, model: string): Promise<Wish>;
  completeWish(wish: Wish): Wish;
  listModels(): Promise<void>;
  /** Throws with the field's name where the request is invalid. */
  planRequest(request: unknown): Promise<PlanAnswer>;
  snapshot(trusted: boolean): Promise<Snapshot>;
  inspectHolders(): Promise<readonly Holder[]>;
  endHolders(holders: readonly Holder[]): Promise<EndOutcome>;
  /** Servers that somebody else started on this machine. */
  findCandidates(): Promise<readonly Candidate[]>;
  /** Watches one of them from now on, in every window. Resolves with its id. */
  adopt(candidate: Candidate): Promise<Result<string>>;
  /** Puts a ready server that offers it to sleep, or wakes it up. */
  setAsleep(id: string, asleep: boolean): Promise<Result<void>>;
  /** One after another, each when the one before is ready. */
  startAll(profiles: readonly Profile[], options: StartAllOptions): Promise<StartAllOutcome>;
  /** The file of the saved launches; it need not be there. */
  readonly profilesFile: string;
  readProfiles(): Promise<void>;
  saveProfile(profile: Profile, at?: number): Promise<Result<void>>;
  deleteProfile(name: string): Promise<Result<void>>;
  /** Forgets one thing that was learned, by its key, or everything (null). */
  forgetLearned(key: string | null): Promise<Result<void>>;
  /** Whose ways of showing processes this machine has. */
  system(): Promise<SelfFacts['system']>;
  /** Launched from this window. */
  isOwn(server: Server): Promise<boolean>;
  commandText(command: Command): string;
  wishedCommandText(): Promise<string>;
  gpuReport(): Promise<string>;
  /** The plan for the wish of this moment, all of it. */
  planReport(): Promise<string>;
  workersReport(wish: WorkersWish): Promise<WorkersReport>;
  diagnostics(): string;
  explain(server: Server): string;
  /** What each server printed last, also after its end. */
  readonly outputs: Pick<OutputTails, 'tailOf' | 'listen'>;
  /** Where the memory of each GPU is going. */
  readonly trends: GpuHistory['trends'];
  /** The corrected launch of a failed server, or the step up of a ready one, by the facts of this moment. */
  offer(id: string): Promise<Result<OfferedLaunch>>;
  startOffered(id: string, offer: OfferedLaunch, how: { force: boolean }): Promise<DeployResult>;
  dispose(): void;
}
