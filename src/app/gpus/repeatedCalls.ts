/**
 * A tool that can repeat its answer is left running instead of being started for each: starting one costs a process as
 * large as an extension host 10 ms of CPU (300 MiB resident; 1.7 ms where it is small, because a fork copies its page
 * tables), a round of a running one 0.2 ms. Single calls come first, and after any trouble: they tell what is wrong.
 */
import type { ToolCall } from '../../gpu/gpu';
import { ok, type Result } from '../../shared/failure';
import type { Clock, Exec, ExecOutput, Log } from '../ports';

/** Above it a tool that runs on costs more memory than its starts cost time. */
const LONGEST_INTERVAL_MS = 5_000;
/** A round later than this after its time will not come: with the longest interval 9 s, and the tool is asked anew. */
const PATIENCE_MS = 4_000;
/** A round this young is an answer a second time. */
const SAME_MOMENT_MS = 500;
/** Nobody asks any more: asleep, or another tool is asked. */
const UNASKED_MS = 30_000;
/** All is well after so many single answers in a row. */
const SINGLES_FIRST = 2;
const MAX_BACKOFF_MS = 3_600_000;
/** A tool that was quick a moment ago and isn't now hangs: it does not get the time that a driver takes to start. */
const QUICK_MS = 1_000;
const QUICK_FOR_MS = 60_000;
const QUICK_TIMEOUT_MS = 5_000;

export interface RepeatedCalls {
  /** As `Exec.run`; answered from the last round of the running tool, except where it must be of this moment. */
  run(call: ToolCall, how: { readonly isFresh: boolean }): Promise<Result<ExecOutput>>;
  /** Who waits for the next round makes a single call instead. */
  hurry(): void;
  /** Kills the tool. */
  stop(): void;
}

interface Running {
  readonly key: string;
  readonly header: string;
  /** Of the GPUs that were there when it began. */
  readonly numbers: ReadonlySet<string | null>;
  readonly intervalMs: number;
  /** For the first round: it comes after the tool's own start, which may be slow. */
  readonly startMs: number;
  readonly over: AbortController;
  /** The line that is not complete yet, and the lines of the round that is not. */
  rest: string;
  round: Map<string, string>;
  rounds: number;
  latest: { readonly text: string; readonly atMs: number; isRead: boolean };
  askedAtMs: number;
  /** Ended by us, not by any trouble. */
  isDone: boolean;
  waiting: AbortController;
}

interface Doors {
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Log;
}

/** One running tool of each kind. */
export function createRepeatedCalls(doors: Doors, intervalMs: () => number): RepeatedCalls {
  const tools = new Map<string, RepeatedCalls>();
  return {
    run(call, how) {
      const tool = tools.get(call.file) ?? repeatTool(doors, intervalMs);
      tools.set(call.file, tool);
      return tool.run(call, how);
    },
    hurry() {
      for (const tool of tools.values()) tool.hurry();
    },
    stop() {
      for (const tool of tools.values()) tool.stop();
    },
  };
}

function repeatTool({ exec, clock, log }: Doors, intervalMs: () => number): RepeatedCalls {
  /** Until it is gone, also when killed: never two. */
  let running: Running | null = null;
  let singles = 0;
  let failures = 0;
  let notBeforeMs = -Infinity;
  let quickAtMs = -Infinity;

  const keyOf = (call: ToolCall) => JSON.stringify([call.file, call.args, intervalMs()]);

  function hear(one: Running, text: string): void {
    if (clock.elapsedMs() - one.askedAtMs > UNASKED_MS) {
      finish(one);
      return;
    }
    const lines = (one.rest + text).split('\n');
    one.rest = lines.pop() ?? '';
    for (const line of lines.map((each) => each.trimEnd())) {
      if (line === '' || line === one.header) continue;
      const row = rowOf(line);
      // an error, or a GPU is gone or new: single calls tell
      if (row === null || !one.numbers.has(row) || one.round.has(row)) {
        log.info('gpus', 'running tool said something else', { line: line.slice(0, 200) });
        end(one);
        return;
      }
      one.round.set(row, line);
      if (one.round.size < one.numbers.size) continue;
      const rows = [one.header, ...one.round.values()];
      one.latest = { text: `${rows.join('\n')}\n`, atMs: clock.elapsedMs(), isRead: false };
      one.round = new Map();
      one.rounds += 1;
      one.waiting.abort();
    }
  }

  function end(one: Running): void {
    one.over.abort();
    one.waiting.abort();
  }

  function finish(one: Running): void {
    one.isDone ||= !one.over.signal.aborted;
    end(one);
  }

  async function start(call: ToolCall, output: string): Promise<void> {
    const [header = '', ...lines] = output.trimEnd().split(/\r?\n/);
    const numbers = new Set(lines.map(rowOf));
    if (call.repeat === undefined || numbers.size !== lines.length || lines.length === 0) return;
    if (numbers.has(null)) return;
    const nowMs = clock.elapsedMs();
    const one: Running = {
      key: keyOf(call),
      header,
      numbers,
      intervalMs: intervalMs(),
      startMs: timeoutOf(call),
      over: new AbortController(),
      rest: '',
      round: new Map(),
      rounds: 0,
      latest: { text: '', atMs: nowMs, isRead: true },
      askedAtMs: nowMs,
      isDone: false,
      waiting: new AbortController(),
    };
    running = one;
    log.debug('gpus', 'tool runs on', { file: call.file });
    await exec.stream({
      file: call.file,
      args: [...call.args, call.repeat, String(one.intervalMs)],
      signal: one.over.signal,
      onText: (text) => hear(one, text),
    });
    end(one);
    running = null;
    singles = 0;
    if (one.isDone) return;
    // one that ran for minutes is worth another try at once
    failures = one.rounds >= 30 ? 0 : failures + 1;
    if (failures > 0)
      notBeforeMs = clock.elapsedMs() + Math.min(MAX_BACKOFF_MS, 30_000 * 2 ** failures);
  }

  /** null: it hangs, has ended, or somebody is in a hurry. */
  async function nextRound(one: Running): Promise<string | null> {
    one.askedAtMs = clock.elapsedMs();
    const ageMs = one.askedAtMs - one.latest.atMs;
    const regularMs = one.intervalMs + PATIENCE_MS;
    const longestMs = one.rounds > 0 ? regularMs : Math.max(regularMs, one.startMs);
    const isThere = one.rounds > 0 && (!one.latest.isRead || ageMs < SAME_MOMENT_MS);
    if (!isThere || ageMs > longestMs) {
      const { rounds } = one;
      one.waiting = new AbortController();
      // at least a second: this process may have been the one that stood still
      await clock.sleep(Math.max(1_000, longestMs - ageMs), one.waiting.signal);
      if (one.over.signal.aborted) return null;
      if (one.rounds === rounds) {
        if (one.waiting.signal.aborted) return null;
        log.warn('gpus', 'running tool hangs', { rounds });
        end(one);
        return null;
      }
    }
    one.latest.isRead = true;
    return one.latest.text;
  }

  function timeoutOf({ timeoutMs }: ToolCall): number {
    const isQuick = clock.elapsedMs() - quickAtMs < QUICK_FOR_MS;
    return isQuick ? Math.min(QUICK_TIMEOUT_MS, timeoutMs) : timeoutMs;
  }

  async function runOnce(call: ToolCall): Promise<Result<ExecOutput>> {
    const startedMs = clock.elapsedMs();
    const { file, args } = call;
    const result = await exec.run({ file, args, timeoutMs: timeoutOf(call) });
    const endedMs = clock.elapsedMs();
    if (result.ok && endedMs - startedMs < QUICK_MS) quickAtMs = endedMs;
    return result;
  }

  return {
    async run(call, { isFresh }) {
      if (call.repeat === undefined || isFresh) return runOnce(call);
      if (running && running.key !== keyOf(call)) finish(running);
      if (running && !running.over.signal.aborted) {
        const text = await nextRound(running);
        if (text !== null) return ok({ stdout: text, stderr: '', exitCode: 0 });
      }
      const result = await runOnce(call);
      singles = result.ok && result.value.exitCode === 0 ? singles + 1 : 0;
      const isDue = singles >= SINGLES_FIRST && clock.elapsedMs() >= notBeforeMs;
      if (isDue && result.ok && running === null && intervalMs() <= LONGEST_INTERVAL_MS)
        void start(call, result.value.stdout);
      return result;
    },
    hurry: () => running?.waiting.abort(),
    stop() {
      if (running) finish(running);
    },
  };
}

/** The number that a row begins with, which tells the rows of a round apart. */
function rowOf(line: string): string | null {
  return /^\s*(\d+)\s*,/.exec(line)?.[1] ?? null;
}
