/** A launch to offer in place of another: its wish, what changes in the command, the arithmetic. */
import { commandDiff, flagChangeText } from '../engines/commandDiff';
import { launchFromCommand } from '../engines/vllm/launchSeen';
import type { CorrectedLaunch } from '../learning/correctedLaunch';
import type { Command, PlanAnswer, Verdict } from '../shared/planAnswer';
import type { ModelRequest, PlanOptions } from '../shared/planRequest';
import { formatGib } from '../shared/units';
import type { Wish } from '../shared/wish';
import { answerWish } from './planService';
import type { Settings } from './settings';
import type { AppState, Server } from './state';

export interface OfferedLaunch {
  readonly wish: Wish;
  readonly change: PlanOptions;
  /** How the command changes, one flag a line: `--max-model-len 8192 → 4096`. */
  readonly diff: readonly string[];
  /** The arithmetic behind the change. */
  readonly why: string;
  readonly source: CorrectedLaunch['source'];
  readonly verdict: Verdict;
  /** The plan of it in one line: verdict and GiB. */
  readonly plan: string;
}

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  fits: 'Fits',
  tight: 'Tight',
  doesNotFit: 'By what the engine itself printed it fits, by our own plan it does not',
  unknown: 'Not known whether it fits',
};

export interface OfferInputs {
  readonly state: AppState;
  readonly settings: Settings;
  readonly facts: ModelRequest;
}

/** What stands in the way of a change: a flag of the user's settings that would win over it. null: nothing. */
export function fixedBySettings(change: PlanOptions, settings: Settings): string | null {
  const fixed = optionsIn(settings['vllm.extraArguments']);
  const names = Object.keys(change).filter((key) => fixed.has(key));
  return names.length === 0
    ? null
    : `${names.map(flagOf).join(', ')} would have to change, but the setting vramPilot.vllm.extraArguments fixes it.`;
}

export function offerOf(
  server: Server,
  launch: CorrectedLaunch,
  { state, settings, facts }: OfferInputs,
): OfferedLaunch {
  const wish = wishWith(server.wish, launch);
  const isVllm = wish.engine === 'vllm';
  const planned = (one: Wish): PlanAnswer => answerWish(state, settings, one, facts, server.port);
  const answer = planned(wish);
  // a simulated server runs another program; what would have run is what changes
  const before = server.simulated || !isVllm ? planned(server.wish).command : server.command;
  const own = settings['vllm.environment'];
  const diff = commandDiff(withoutEnvironment(before, own), withoutEnvironment(answer.command, own))
    .filter(({ flag }) => !/^argument \d/.test(flag))
    .map(flagChangeText);
  return {
    wish,
    change: launch.change,
    diff: diff.length > 0 ? diff : optionDiff(server.wish.options, launch.change),
    why: launch.why,
    source: launch.source,
    verdict: launch.verdictAfter,
    plan: planLine(launch.verdictAfter, answer),
  };
}

/** Flags of the wish's own arguments that the change names are dropped: they would win over it. */
function wishWith(wish: Wish, { change }: CorrectedLaunch): Wish {
  const all: Record<string, unknown> = { ...wish.options, ...change };
  // a pool fixed in bytes and a share exclude each other: the newer word counts
  if (change.gpuMemoryUtilization != null) all.kvCacheMemoryBytes = null;
  const options: PlanOptions = Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && value !== undefined),
  );
  return { ...wish, options, extraArguments: withoutOptions(wish.extraArguments, change) };
}

function withoutOptions(args: readonly string[], change: PlanOptions): string[] {
  const kept: string[] = [];
  let isDropping = false;
  for (const argument of args) {
    if (argument.startsWith('-')) {
      const [option] = optionsIn([argument.includes('=') ? argument : `${argument}=1`]);
      isDropping = option !== undefined && option in change;
    }
    if (!isDropping) kept.push(argument);
  }
  return kept;
}

const optionsIn = (args: readonly string[]): ReadonlySet<string> =>
  new Set(Object.keys(launchFromCommand(['MODEL', ...args].join(' ')).options ?? {}));

const flagOf = (option: string): string =>
  `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function optionDiff(before: PlanOptions, change: PlanOptions): string[] {
  const old: Readonly<Record<string, unknown>> = before;
  return Object.entries(change).map(([option, value]) => {
    const was = old[option];
    const now = value === null ? 'default' : JSON.stringify(value);
    return `${option} ${was === undefined || was === null ? 'default' : JSON.stringify(was)} → ${now}`;
  });
}

/** What the user's settings put there is not part of the correction, and may be a secret. */
function withoutEnvironment(command: Command, own: Readonly<Record<string, string>>): Command {
  const env = Object.fromEntries(Object.entries(command.env).filter(([name]) => !(name in own)));
  return { ...command, env };
}

function planLine(verdict: Verdict, { perGpu }: PlanAnswer): string {
  const [first] = perGpu;
  const figures =
    first?.budgetBytes == null
      ? ''
      : `: ${formatGib(first.budgetBytes)} of ${formatGib(first.totalBytes)}${first.freeBytes === null ? '' : `, ${formatGib(first.freeBytes)} free now`}${perGpu.length > 1 ? ', on each GPU' : ''}`;
  return `${VERDICT_WORDS[verdict]}${figures}`;
}
