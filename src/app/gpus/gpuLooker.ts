/**
 * One look at all GPUs of this machine: each maker's family is asked by its cheapest way that works, and the answers
 * become one sample. A way that fails three times gives place to the next; now and then the cheaper ones are tried again.
 */
import { withoutReadings } from '../../gpu/completeGpu';
import type { GpuProblem, GpuProcess, GpuSample, ToolCall, ToolOutput } from '../../gpu/gpu';
import { mergeSamples, type SamplePart } from '../../gpu/mergeSamples';
import { startState, type GpuFamily, type GpuSource, type GpuSourceState } from '../../gpu/source';
import { createKernelFileReader } from './kernelFileReader';
import type { Result } from '../../shared/failure';
import type { Clock, Exec, ExecOutput, Files, Log } from '../ports';

/** A tool that refuses a field is asked again without it; sources bound that themselves, this is the last resort. */
const MAX_ATTEMPTS = 8;
const FAILURES_BEFORE_ANOTHER_WAY = 3;
const CHEAPER_AGAIN_MS = 600_000;
/** A maker that is not in this machine, while another is. */
const ABSENT_AGAIN_MS = 300_000;
const MAX_BACKOFF_MS = 60_000;
/** Walking through PATH for each look costs more than the look. */
const SEARCH_AGAIN_MS = 60_000;
const PROCESSES_AGAIN_MS = 5_000;
/** Rows of processes older than this say more about the past than about the GPU. */
const PROCESSES_LIVE_MS = 60_000;

export type LookOutcome =
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly problem: GpuProblem }
  | {
      readonly kind: 'seen';
      readonly sample: GpuSample;
      readonly simulated: boolean;
    };

export interface GpuLooker {
  /** Never two at once. Processes that were not asked for are those of the last time. */
  look(wish: { readonly processes: boolean }): Promise<LookOutcome>;
}

interface FamilyState {
  /** Being asked, and what it said last. */
  asking: Promise<WayOutcome> | null;
  said: WayOutcome | null;
  way: GpuSource | null;
  memory: GpuSourceState | null;
  failures: number;
  notBeforeMs: number;
  cheaperAtMs: number;
  sample: GpuSample | null;
  processes: readonly GpuProcess[];
  processesAtMs: number;
  /** Looks in a row that were not told who holds memory; the next such question waits the longer. */
  processFailures: number;
  processesNotBeforeMs: number;
}

type WayOutcome =
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly problem: GpuProblem }
  | { readonly kind: 'seen'; readonly sample: GpuSample; readonly hasProcesses: boolean };

export interface GpuLookerDeps {
  readonly exec: Exec;
  /** How a tool is asked; absent: by a call of its own. */
  readonly ask?: (call: ToolCall) => Promise<Result<ExecOutput>>;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log | null;
  readonly families: () => readonly GpuFamily[];
  /** Absolute path from the settings; empty: search. */
  readonly executable: () => string;
}

export function createGpuLooker(deps: GpuLookerDeps): GpuLooker {
  const { exec, files, clock, log } = deps;
  const ask = deps.ask ?? ((call: ToolCall) => exec.run(call));
  const kernel = createKernelFileReader(files, clock);
  const states = new Map<string, FamilyState>();
  const found = new Map<string, { readonly path: string; readonly atMs: number }>();

  function configuredFor(way: GpuSource): string | null {
    const configured = deps.executable();
    return configured !== '' && way.needs === 'tool' ? configured : null;
  }

  async function findTool(way: GpuSource): Promise<string | null> {
    const known = found.get(way.id);
    if (known && clock.elapsedMs() - known.atMs < SEARCH_AGAIN_MS) return known.path;
    const path = await search(way);
    if (path === null) found.delete(way.id);
    else found.set(way.id, { path, atMs: clock.elapsedMs() });
    return path;
  }

  async function search(way: GpuSource): Promise<string | null> {
    for (const name of way.executables) {
      const isPath = /[\\/]/.test(name);
      const path = isPath ? ((await files.stat(name)) ? name : null) : await exec.find(name);
      if (path !== null) return path;
    }
    return null;
  }

  /** One way, once. Leaves `state` as it was where the way does not lead to a GPU. */
  async function tryWay(
    state: FamilyState,
    way: GpuSource,
    wantsProcesses: boolean,
  ): Promise<WayOutcome> {
    const executable = configuredFor(way) ?? (await findTool(way));
    if (executable === null && way.needs === 'tool') return { kind: 'absent' };
    const isNew = state.way !== way || state.memory?.executable !== (executable ?? '');
    let memory = isNew || !state.memory ? startState(executable ?? '') : state.memory;
    // rows of another way are never shown beside this one's totals
    const wish = { processes: wantsProcesses || (isNew && state.way !== null) };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const answered = await kernel.read(way.files?.(memory, wish) ?? []);
      const outputs: (ToolOutput | null)[] = [];
      for (const [at, call] of way.calls(memory, wish, answered).entries()) {
        const result = await ask(call);
        if (!result.ok && at === 0 && way.needs === 'tool')
          return { kind: 'failed', problem: problemOf(result.failure) };
        outputs.push(result.ok ? result.value : null);
      }
      const reading = way.read(memory, { outputs, files: answered, wish });
      memory = reading.state;
      if (reading.absent === true) return { kind: 'absent' };
      if (reading.retry) continue;
      const { sample, hasProcesses } = reading;
      if (sample.gpus.length === 0)
        return { kind: 'failed', problem: sample.problems[0] ?? silent(way) };
      if (state.way !== way) log?.info('gpus', 'source chosen', { source: way.id });
      const processes = hasProcesses ? sample.processes : isNew ? [] : state.processes;
      Object.assign(state, { way, memory, failures: 0, notBeforeMs: -Infinity, sample, processes });
      if (hasProcesses || isNew) state.processesAtMs = clock.elapsedMs();
      if (hasProcesses) state.processFailures = 0;
      else if (outputs.includes(null)) {
        // each such look waits for the time-out: the totals of the next ones must not
        state.processFailures += 1;
        const backoffMs = Math.min(MAX_BACKOFF_MS, PROCESSES_AGAIN_MS * 2 ** state.processFailures);
        state.processesNotBeforeMs = clock.elapsedMs() + backoffMs;
      }
      return { kind: 'seen', sample, hasProcesses };
    }
    return {
      kind: 'failed',
      problem: { id: 'tool_failed', text: `${way.label} refuses every set of fields` },
    };
  }

  /** The first way that leads to a GPU; where none does, what the first that is there had to say. */
  async function choose(
    state: FamilyState,
    ways: readonly GpuSource[],
    wantsProcesses: boolean,
  ): Promise<WayOutcome> {
    let outcome: WayOutcome = { kind: 'absent' };
    for (const way of ways) {
      const tried = await tryWay(state, way, wantsProcesses);
      if (tried.kind === 'seen') {
        state.cheaperAtMs = clock.elapsedMs() + CHEAPER_AGAIN_MS;
        return tried;
      }
      if (outcome.kind === 'absent') outcome = tried;
    }
    return outcome;
  }

  async function lookAtFamily(
    { ways }: GpuFamily,
    state: FamilyState,
    wish: boolean,
  ): Promise<WayOutcome> {
    const { way } = state;
    const wantsProcesses = wish && clock.elapsedMs() >= state.processesNotBeforeMs;
    if (way === null) return choose(state, ways, wantsProcesses);
    const isCheaperDue = way !== ways[0] && clock.elapsedMs() >= state.cheaperAtMs;
    if (isCheaperDue) {
      const cheaper = await choose(state, ways.slice(0, ways.indexOf(way)), wantsProcesses);
      if (cheaper.kind === 'seen') return cheaper;
      state.cheaperAtMs = clock.elapsedMs() + CHEAPER_AGAIN_MS;
    }
    const outcome = await tryWay(state, way, wantsProcesses);
    if (outcome.kind === 'seen') return outcome;
    const isOften = state.failures + 1 >= FAILURES_BEFORE_ANOTHER_WAY;
    if (outcome.kind === 'failed' && !isOften) return outcome;
    const others = await choose(
      state,
      ways.filter((each) => each !== way),
      wantsProcesses,
    );
    if (others.kind === 'seen') return others;
    if (outcome.kind === 'absent') state.way = state.sample = null;
    return outcome;
  }

  /** While others answer, one that fails is asked less and less often: its time-outs would hold up theirs. */
  function settle(state: FamilyState, outcome: WayOutcome): void {
    if (outcome.kind === 'seen') return;
    state.failures += 1;
    if (outcome.kind === 'failed' && state.failures === 1)
      log?.info('gpus', 'a tool fails', { why: outcome.problem.text });
    const failedMs = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** Math.min(10, state.failures));
    state.notBeforeMs =
      clock.elapsedMs() + (outcome.kind === 'absent' ? ABSENT_AGAIN_MS : failedMs);
  }

  function partOf(
    { vendor }: GpuFamily,
    state: FamilyState,
    outcome: WayOutcome | undefined,
  ): SamplePart | null {
    if (!state.sample) return null;
    if (outcome?.kind === 'seen') {
      const isFresh = clock.elapsedMs() - state.processesAtMs <= PROCESSES_LIVE_MS;
      return { vendor, sample: { ...state.sample, processes: isFresh ? state.processes : [] } };
    }
    // it keeps its place, so that the numbers of the others don't change
    const problems = outcome?.kind === 'failed' ? [outcome.problem] : state.sample.problems;
    const gpus = state.sample.gpus.map(withoutReadings);
    state.sample = { gpus, processes: [], problems };
    return { vendor, sample: state.sample };
  }

  /** Never twice at once: a slow family may still be at the last question. */
  function askFamily(
    family: GpuFamily,
    state: FamilyState,
    processes: boolean,
  ): Promise<WayOutcome> {
    state.asking ??= lookAtFamily(family, state, processes)
      .then((outcome) => {
        settle(state, outcome);
        state.said = outcome;
        return outcome;
      })
      .finally(() => {
        state.asking = null;
      });
    return state.asking;
  }

  return {
    async look({ processes }) {
      const families = deps.families().map((family) => {
        const key = family.ways.map(({ id }) => id).join(' ');
        const state = states.get(key) ?? newState();
        states.set(key, state);
        return { family, state };
      });
      const keys = new Set(families.map(({ state }) => state));
      for (const [key, state] of states) if (!keys.has(state)) states.delete(key);
      const due = families.filter(({ state }) => clock.elapsedMs() >= state.notBeforeMs);
      // where none that is due has a way that works, those that wait are asked, too: nobody's good answer would be held up.
      // A slow one costs too much for that
      const others = families.filter((one) => !one.family.isSlow || due.includes(one));
      const asked = due.some(({ state }) => state.way !== null) ? due : others;
      const outcomes = new Map<FamilyState, WayOutcome>();
      const asking = asked.map(async ({ family, state }) => {
        outcomes.set(state, await askFamily(family, state, processes));
      });
      await Promise.all(asking.filter((_, at) => asked[at]?.family.isSlow !== true));
      if ([...outcomes.values()].some(({ kind }) => kind === 'seen')) {
        for (const { state } of asked)
          if (!outcomes.has(state) && state.said) outcomes.set(state, state.said);
      } else await Promise.all(asking);
      const told = [...outcomes.values()];
      if (!told.some(({ kind }) => kind === 'seen')) {
        const failed = told.find((outcome) => outcome.kind === 'failed');
        return failed ?? { kind: 'absent' };
      }
      const parts = families.map(({ family, state }) => partOf(family, state, outcomes.get(state)));
      const sample = mergeSamples(parts.filter((part) => part !== null));
      // a tool that fails and never named a GPU has no part to tell it in; one that only adds to others is not missed
      const unheard = families.flatMap(({ family, state }) =>
        state.said?.kind === 'failed' && !state.sample && family.isSlow !== true
          ? [state.said.problem]
          : [],
      );
      return {
        kind: 'seen',
        sample: { ...sample, problems: [...sample.problems, ...unheard] },
        simulated: families.some(({ state }) => state.way?.simulated === true),
      };
    },
  };
}

function newState(): FamilyState {
  return {
    asking: null,
    said: null,
    way: null,
    memory: null,
    failures: 0,
    notBeforeMs: -Infinity,
    cheaperAtMs: -Infinity,
    sample: null,
    processes: [],
    processesAtMs: -Infinity,
    processFailures: 0,
    processesNotBeforeMs: -Infinity,
  };
}

function problemOf(failure: { reason: string; detail: string }): GpuProblem {
  return { id: failure.reason === 'timedOut' ? 'timeout' : 'tool_failed', text: failure.detail };
}

function silent(way: GpuSource): GpuProblem {
  return { id: 'bad_output', text: `${way.label} named no GPU.` };
}
