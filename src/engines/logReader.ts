/** Reads a server's output by an engine's rules. Keeps counters, first matches and numbers only, never the text. */
import type {
  Cause,
  Diagnosis,
  DiagnosisResult,
  EndContext,
  Evidence,
  LogReader,
  LogReading,
  Remedy,
  Stage,
} from './engine';
import { judgeEnd } from './judgeEnd';
import type { CauseMatch, CauseRule, LaunchSeen, LineFinding, LogGrammar } from './logRules';
import { createPatternIndex, type PatternIndex } from './patternIndex';
import { addFacts, mergeFacts, noFacts, withoutSizes } from './startFacts';
import { createTerminalLines, type TextLine } from './terminalText';

/** A log reader that also tells what the start said about its own command; learning stores it. */
export interface EngineLogReader extends LogReader {
  launch(): LaunchSeen;
}

/** A stage is never left for one of a lower rank. Compilation and profiling alternate. */
const stageRank: Readonly<Record<Stage, number>> = {
  starting: 0,
  downloading: 1,
  loading: 2,
  profiling: 3,
  compiling: 3,
  kvCache: 4,
  capturing: 5,
  warmup: 6,
  ready: 7,
  serving: 8,
  stopping: 9,
};

const MAX_EVIDENCE_LINES = 3;
const MAX_EVIDENCE_CHARACTERS = 600;

/** First match of one rule, with a few further lines that say something else. */
interface Found {
  readonly rule: CauseRule;
  match: CauseMatch;
  evidence: Evidence[];
}

/** A traceback quotes the statement that raises; the message itself comes after it, with its numbers. */
const isQuotedCode = (message: string): boolean => message.startsWith('    ');

interface Reading {
  reading: LogReading;
  launch: LaunchSeen;
  found: Map<CauseRule, Found>;
  unknownErrors: Evidence[];
  wrapper: Evidence | null;
  lastLine: Evidence | null;
  frame: string | null;
  ready: boolean;
  /** Sizes of this load were measured; what was estimated before is dropped. */
  measured: boolean;
  shutdownRequested: boolean;
  engineDied: boolean;
}

const fresh = (launch: LaunchSeen): Reading => ({
  reading: { engineVersion: null, stage: 'starting', progress: null, facts: noFacts },
  launch,
  found: new Map(),
  unknownErrors: [],
  wrapper: null,
  lastLine: null,
  frame: null,
  ready: false,
  measured: false,
  shutdownRequested: false,
  engineDied: false,
});

const indexes = new WeakMap<LogGrammar, PatternIndex>();

/** Line rules first, then causes. Made once, for the first server of an engine: it takes 3 ms. */
function indexOf(grammar: LogGrammar): PatternIndex {
  const known = indexes.get(grammar);
  if (known) return known;
  const index = createPatternIndex(
    [...grammar.lines, ...grammar.causes].map(({ pattern }) => pattern),
  );
  indexes.set(grammar, index);
  return index;
}

/** @param known what the caller knows of the launch; the output adds to it and corrects it. */
export function createEngineLogReader(
  grammar: LogGrammar,
  known: Partial<LaunchSeen> = {},
): EngineLogReader {
  const startLaunch: LaunchSeen = { model: null, gpuName: null, options: {}, ...known };
  const splitter = createTerminalLines();
  const { lines, causes } = grammar;
  const index = indexOf(grammar);
  let state = fresh(startLaunch);

  function take(line: TextLine): void {
    if (line.text.trim() === '') return;
    const message = grammar.clean(line.text);
    const places = index.candidates(message);
    if (places.length > 0) applyLineRules(message, places);
    if (!line.final) return;
    state.lastLine = evidenceOf(message, line.number);
    const known = places.length > 0 && applyCauseRules(message, line.number, places);
    const kind = known ? null : grammar.errorKind(message, line.text);
    if (kind === 'wrapper') state.wrapper ??= state.lastLine;
    if (kind === 'error' && state.unknownErrors.length < MAX_EVIDENCE_LINES)
      state.unknownErrors.push(state.lastLine);
  }

  function applyLineRules(message: string, places: readonly number[]): void {
    for (const place of places) {
      const rule = lines[place];
      const groups = rule?.pattern.exec(message);
      if (!rule || !groups) continue;
      if (rule.milestone) reach(rule.milestone);
      if (rule.stage) enter(rule.stage);
      if (rule.read) learn(rule.read(groups.groups ?? {}, state.launch));
    }
  }

  function reach(milestone: NonNullable<(typeof grammar.lines)[number]['milestone']>): void {
    switch (milestone) {
      case 'newStart':
        // A second start in the same output: what the first one said is over.
        if (stageRank[state.reading.stage] >= stageRank.loading || state.found.size > 0)
          state = { ...fresh(startLaunch), lastLine: state.lastLine };
        break;
      case 'ready':
        state.ready = true;
        forgiveFailures();
        break;
      case 'loadBegins':
        state.ready = false;
        state.measured = false;
        state.reading = { ...state.reading, stage: 'loading', progress: null, facts: noFacts };
        break;
      case 'shutdownRequested':
        // After a fatal error a server shuts itself down in the same words.
        if (!state.engineDied && best(state.found, 'fatal') === null)
          state.shutdownRequested = true;
        break;
      case 'engineDied':
        if (state.shutdownRequested || state.engineDied) break;
        state.engineDied = true;
        // Errors of single requests before are not why.
        if (state.ready) state.unknownErrors = [];
        break;
    }
  }

  /** It started after all, so nothing said before was fatal. */
  function forgiveFailures(): void {
    for (const [rule] of state.found) if (rule.effect !== 'degraded') state.found.delete(rule);
    state.unknownErrors = [];
    state.wrapper = null;
  }

  function enter(stage: Stage): void {
    const { reading } = state;
    const wanted = stageRank[stage];
    if (reading.stage === stage || wanted < stageRank[reading.stage]) return;
    state.reading = { ...reading, stage, progress: null };
  }

  function learn(finding: LineFinding): void {
    const { reading, launch } = state;
    const { engineVersion, progress, facts, addedFacts, model, gpuName, options, frame } = finding;
    if (frame !== undefined) state.frame = frame;
    if (facts) state.reading = { ...state.reading, facts: mergeFacts(reading.facts, facts) };
    if (addedFacts) {
      const before = state.measured ? state.reading.facts : withoutSizes(state.reading.facts);
      state.measured = true;
      state.reading = { ...state.reading, facts: addFacts(before, addedFacts) };
    }
    if (engineVersion !== undefined && engineVersion !== reading.engineVersion)
      state.reading = { ...state.reading, engineVersion };
    if (progress) state.reading = { ...state.reading, progress };
    if (model !== undefined || gpuName !== undefined || options !== undefined)
      state.launch = {
        model: model ?? launch.model,
        gpuName: launch.gpuName ?? gpuName ?? null,
        options: { ...launch.options, ...options },
      };
  }

  const matchOf = (groups: CauseMatch['groups'], text: string): CauseMatch => ({
    groups,
    text,
    stage: state.reading.stage,
    facts: state.reading.facts,
    launch: state.launch,
    engineVersion: state.reading.engineVersion,
    raisedAt: state.frame,
  });

  /** True if the line told a cause. */
  function applyCauseRules(message: string, number: number, places: readonly number[]): boolean {
    let known = false;
    for (const place of places) {
      const rule = causes[place - lines.length];
      const groups = rule?.pattern.exec(message);
      if (!rule || !groups) continue;
      const match = matchOf(groups.groups ?? {}, message);
      if (rule.when && !rule.when(match)) continue;
      known = true;
      const found = state.found.get(rule);
      if (!found) {
        state.found.set(rule, { rule, match, evidence: [evidenceOf(message, number)] });
      } else if (isQuotedCode(found.match.text) && !isQuotedCode(message)) {
        found.match = match;
        found.evidence = [evidenceOf(message, number)];
      } else if (
        !isQuotedCode(message) &&
        found.evidence.length < MAX_EVIDENCE_LINES &&
        found.evidence.every((seen) => seen.text !== clipped(message.trim()))
      ) {
        found.evidence.push(evidenceOf(message, number));
      }
    }
    return known;
  }

  function diagnose(end: EndContext): Diagnosis {
    if (end.ended) splitter.flush(take);
    const { reading } = state;
    const fatal = best(state.found, 'fatal');
    const degraded = best(state.found, 'degraded');
    const judged = judgeEnd({
      end,
      stage: reading.stage,
      ready: state.ready,
      shutdownRequested: state.shutdownRequested,
      engineDied: state.engineDied,
      fatal: fatal !== null,
      degraded: degraded !== null,
      unknownError: state.unknownErrors.length > 0 || state.wrapper !== null,
      livesOn: grammar.livesOn,
    });
    return {
      engine: grammar.engine,
      engineVersion: reading.engineVersion,
      stage: reading.stage,
      result: judged.result,
      ...explain(judged.result, judged.causeId, fatal, degraded),
      facts: reading.facts,
    };
  }

  /** The cause that was read, else the one that the manner of the end implies, with the first errors as evidence. */
  function explain(
    result: DiagnosisResult,
    impliedId: string | null,
    fatal: Found | null,
    degraded: Found | null,
  ): { cause: Cause | null; remedy: Remedy | null } {
    const found = result === 'failed' ? fatal : result === 'degraded' ? degraded : null;
    if (found && !followsFromError(found, state.unknownErrors)) {
      const text = grammar.texts[found.rule.cause];
      return {
        cause: {
          id: found.rule.cause,
          title: text?.title ?? found.rule.cause,
          evidence: found.evidence,
        },
        remedy: (found.rule.remedy ?? text?.remedy)?.(found.match) ?? null,
      };
    }
    const id = impliedId ?? (found ? 'unknown' : null);
    if (id === null) return { cause: null, remedy: null };
    const text = grammar.texts[id];
    return {
      cause: {
        id,
        title: text?.title ?? id,
        evidence: firstErrors(state),
      },
      remedy:
        text?.remedy(matchOf({}, state.unknownErrors[0] ? '' : (state.wrapper?.text ?? ''))) ??
        null,
    };
  }

  return {
    push(chunk) {
      const before = state.reading;
      splitter.push(chunk, take);
      return state.reading !== before;
    },
    reading: () => state.reading,
    launch: () => state.launch,
    diagnose,
  };
}

const followsFromError = ({ rule, evidence }: Found, errors: readonly Evidence[]): boolean =>
  rule.isConsequence === true && (errors[0]?.line ?? Infinity) < (evidence[0]?.line ?? 0);

function firstErrors({ unknownErrors, wrapper, lastLine }: Reading): readonly Evidence[] {
  if (unknownErrors.length > 0) return unknownErrors;
  const only = wrapper ?? lastLine;
  return only ? [only] : [];
}

function best(found: ReadonlyMap<CauseRule, Found>, effect: 'fatal' | 'degraded'): Found | null {
  let chosen: Found | null = null;
  // A map keeps the order of insertion, which is the order in time.
  for (const candidate of found.values()) {
    if ((candidate.rule.effect ?? 'fatal') !== effect) continue;
    if (!chosen || (candidate.rule.rank ?? 50) < (chosen.rule.rank ?? 50)) chosen = candidate;
  }
  return chosen;
}

const clipped = (text: string): string =>
  text.length > MAX_EVIDENCE_CHARACTERS ? `${text.slice(0, MAX_EVIDENCE_CHARACTERS)}…` : text;

const evidenceOf = (text: string, line: number): Evidence => ({
  line,
  text: clipped(text.trim()),
});
