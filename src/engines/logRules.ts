/** Shape of the rules by which a server's output is read. The rules themselves are data, one set per engine. */
import type { PlanOptions } from '../shared/planRequest';
import type { Remedy, Stage, StartFacts } from './engine';

export type Groups = Readonly<Record<string, string | undefined>>;

/** What a start says about its own command; absent keys were not said. */
export interface LaunchSeen {
  readonly model: string | null;
  readonly gpuName: string | null;
  readonly options: PlanOptions;
}

/** What a line adds to what is known. */
export interface LineFinding {
  readonly engineVersion?: string;
  readonly progress?: { readonly done: number; readonly total: number };
  /** Of several ranks the one that limits is kept. */
  readonly facts?: Partial<StartFacts>;
  /** Measured, one line per device: summed, in place of what was estimated for this load. */
  readonly addedFacts?: Partial<StartFacts>;
  readonly model?: string;
  readonly gpuName?: string;
  readonly options?: PlanOptions;
  /** File and function of a frame of a traceback, with slashes; or the option that a check names. */
  readonly frame?: string;
}

/**
 * Lines that decide how an end is judged. newStart: another run begins in the same output. loadBegins: a daemon takes up a
 * model; facts and stage begin anew. ready: everything before was not fatal. shutdownRequested: the server was asked to
 * stop. engineDied: the server found its engine gone.
 */
export type Milestone = 'newStart' | 'loadBegins' | 'ready' | 'shutdownRequested' | 'engineDied';

/** One recognized line. All that match apply, in order. */
export interface LineRule {
  readonly pattern: RegExp;
  /** Reached by this line; never goes back. */
  readonly stage?: Stage;
  readonly milestone?: Milestone;
  readonly read?: (groups: Groups, seen: LaunchSeen) => LineFinding;
}

/** A line that matched a cause, and what was known at that moment. */
export interface CauseMatch {
  readonly groups: Groups;
  readonly text: string;
  readonly stage: Stage;
  readonly facts: StartFacts;
  readonly launch: LaunchSeen;
  readonly engineVersion: string | null;
  /** The last frame of the traceback before it: where it was raised; or the name of the option that a check refuses. */
  readonly raisedAt: string | null;
}

/** Titles and remedies of the causes, by id. */
export interface CauseText {
  readonly title: string;
  readonly remedy: (match: CauseMatch) => Remedy;
}

/** A line that tells a cause. */
export interface CauseRule {
  readonly cause: string;
  readonly pattern: RegExp;
  /**
   * fatal: the server or its load ends by it. degraded: it runs, but worse than asked.
   * Default fatal.
   */
  readonly effect?: 'fatal' | 'degraded';
  /** Lower wins over earlier; among equals the first in time wins. Default 50. */
  readonly rank?: number;
  /** True: it follows from what broke before; an error there that nobody knows is nearer to why. */
  readonly isConsequence?: true;
  /** False: this line is not this cause after all (decided by stage or by numbers). */
  readonly when?: (match: CauseMatch) => boolean;
  /** Instead of the cause's own remedy. */
  readonly remedy?: (match: CauseMatch) => Remedy;
}

export interface LogGrammar {
  readonly engine: 'vllm' | 'ollama';
  /** The message without timestamps, process names and levels. */
  readonly clean: (line: string) => string;
  readonly lines: readonly LineRule[];
  readonly causes: readonly CauseRule[];
  readonly texts: Readonly<Record<string, CauseText>>;
  /** An error nobody knows is evidence; one that only wraps another, where there is nothing better. */
  readonly errorKind: (message: string, raw: string) => 'error' | 'wrapper' | null;
  /** True: a daemon whose loads fail without ending it (Ollama). */
  readonly livesOn: boolean;
}
