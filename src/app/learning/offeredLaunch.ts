/** A launch to offer in place of another: its wish, what changes in the command, the arithmetic. */
import { commandDiff, flagChangeText } from '../../engines/commandDiff';
import { changedWish } from '../../engines/vllm/argumentOptions';
import { launchFromCommand } from '../../engines/vllm/launchSeen';
import type { CorrectedLaunch } from '../../learning/correctedLaunch';
import { optionsInEffect } from '../../learning/launchConditions';
import { sameOptions } from '../../planner/sameOptions';
import { redactArguments } from '../../processes/redact';
import type { Command, PlanAnswer, Verdict } from '../../shared/planAnswer';
import type { ModelRequest, PlanOptions } from '../../shared/planRequest';
import { formatGib } from '../../shared/units';
import type { Wish } from '../../shared/wish';
import { flagOfOption } from '../planning/flagOfOption';
import { answerWish } from '../planning/planService';
import type { Settings } from '../settings';
import type { AppState, Server } from '../state';

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

const SETTINGS_CHANGED =
  'The settings have changed since it started: this is the same launch under those of now.';

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
    : `${names.map(flagOfOption).join(', ')} would have to change, but the setting vramPilot.vllm.extraArguments fixes it.`;
}

export function offerOf(
  server: Server,
  launch: Pick<CorrectedLaunch, 'change' | 'why' | 'source'> & { readonly verdictAfter?: Verdict },
  { state, settings, facts }: OfferInputs,
): OfferedLaunch {
  const wish = changedWish(server.wish, launch.change);
  const isVllm = wish.engine === 'vllm';
  const planned = (one: Wish): PlanAnswer => answerWish(state, settings, one, facts, server.port);
  const answer = planned(wish);
  const verdict = launch.verdictAfter ?? answer.verdict;
  const replanned = planned(server.wish).command;
  // a simulated server runs another program; what would have run is what changes
  const before = server.simulated || !isVllm ? replanned : server.command;
  // the user's own, which may be secrets, are no part of a correction, nor are those that they removed since
  const ours = new Set(
    [replanned, answer.command]
      .flatMap(({ env }) => Object.keys(env))
      .filter((name) => !(name in settings['vllm.environment'])),
  );
  const diff = commandDiff(forShowing(before, ours), forShowing(answer.command, ours))
    .filter(({ flag }) => !/^argument \d/.test(flag))
    .map(flagChangeText);
  return {
    wish,
    change: launch.change,
    diff: diff.length > 0 ? diff : optionDiff(server.wish.options, launch.change),
    why: launch.why,
    source: launch.source,
    verdict,
    plan: planLine(verdict, answer),
  };
}

/**
 * The same wish again, where the user's settings have changed since and now make something else of it that the planner
 * has nothing against: then there is nothing to correct. null: they make the same of it, or nothing better.
 */
export function offerOfSettings(server: Server, inputs: OfferInputs): OfferedLaunch | null {
  const { wish, conditions } = server;
  if (wish.engine !== 'vllm' || !conditions) return null;
  const extraArguments = [...inputs.settings['vllm.extraArguments'], ...wish.extraArguments];
  const then = conditions.options;
  const now = optionsInEffect({ ...wish, extraArguments }, then.gpuMemoryUtilization ?? null);
  if (sameOptions(now, then)) return null;
  const launch = offerOf(server, { change: {}, source: 'planner', why: SETTINGS_CHANGED }, inputs);
  return launch.verdict === 'fits' || launch.verdict === 'tight' ? launch : null;
}

/**
 * The same settings on a port that is free when it starts: after somebody took the one that was chosen. null: the user's
 * own arguments fix the port.
 */
export function offerOfOtherPort(server: Server, inputs: OfferInputs): OfferedLaunch | null {
  const given = [...inputs.settings['vllm.extraArguments'], ...server.wish.extraArguments];
  if (given.some((argument) => /^--port(=|$)/.test(argument))) return null;
  const wish = { ...server.wish, port: null };
  const answer = answerWish(inputs.state, inputs.settings, wish, inputs.facts, server.port);
  return {
    wish,
    change: {},
    diff: [`--port ${String(server.port)} → one that is free`],
    why: `Another program listened on port ${String(server.port)} when the server came to take it. Nothing else changes.`,
    source: 'output',
    verdict: answer.verdict,
    plan: planLine(answer.verdict, answer, 'As before, the plan does not expect it to fit'),
  };
}

const optionsIn = (args: readonly string[]): ReadonlySet<string> =>
  new Set(Object.keys(launchFromCommand(['MODEL', ...args].join(' ')).options ?? {}));

function optionDiff(before: PlanOptions, change: PlanOptions): string[] {
  const old: Readonly<Record<string, unknown>> = before;
  return Object.entries(change).map(([option, value]) => {
    const was = old[option];
    const now = value === null ? 'default' : JSON.stringify(value);
    return `${option} ${was === undefined || was === null ? 'default' : JSON.stringify(was)} → ${now}`;
  });
}

/** As it may be shown and logged: without keys, and of the environment only what we set. */
const forShowing = ({ file, args, env }: Command, ours: ReadonlySet<string>): Command => ({
  file,
  args: [...redactArguments(args)],
  env: Object.fromEntries(Object.entries(env).filter(([name]) => ours.has(name))),
});

function planLine(
  verdict: Verdict,
  { perGpu }: PlanAnswer,
  doesNotFit = VERDICT_WORDS.doesNotFit,
): string {
  const [first] = perGpu;
  const figures =
    first?.budgetBytes == null
      ? ''
      : `: ${formatGib(first.budgetBytes)} of ${formatGib(first.totalBytes)}${first.freeBytes === null ? '' : `, ${formatGib(first.freeBytes)} free now`}${perGpu.length > 1 ? ', on each GPU' : ''}`;
  return `${verdict === 'doesNotFit' ? doesNotFit : VERDICT_WORDS[verdict]}${figures}`;
}
