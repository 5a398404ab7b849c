/**
 * A short load: requests one after another, then as many at once as its start promised, long enough to fill the KV pool.
 * It shows what no start can: speed, queueing, preemption, and memory that runs out only while the server works.
 */
import { optionsInArguments } from '../../engines/vllm/argumentOptions';
import type { VllmMetrics } from '../../engines/vllm/metrics';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import { startLoadLooks, type LoadPeaks } from './loadLooks';
import { runLoadStep, type LoadProgress, type LoadStep } from './loadStep';
import { wordsToFill } from './loadText';
import { serverDetail } from '../servers/serverText';
import type { Server } from '../state';

/** Of all of it; the first step may take a third, so that a slow machine sends fewer requests there. */
const LIMIT_MS = 120_000;
const FIRST_LIMIT_MS = 40_000;
/** For reading the prompts of the second step. */
const FILLING_MS = 40_000;
const ONE_BY_ONE = 10;
const MOST_AT_ONCE = 64;
/** The second step goes on for so long, though not with more requests, so that looks see the pool full. */
const SECOND = { forMs: 5_000, most: 180 };
/** More side by side send one request each. */
const TWICE_UP_TO = 16;
const FIRST_WORDS = 100;
const FIRST_TOKENS = 64;
const SECOND_TOKENS = 128;
const DEFAULT_LENGTH = 4096;
/** The last words of a crash, and what they mean, come a little after it. */
const DIAGNOSIS_MS = 10_000;
const DIAGNOSIS_POLL_MS = 250;

/** What a server can hold by its own start, its metrics or its plan. */
export interface LoadCapacity {
  /** Requests of full length side by side; null: not told. */
  readonly promised: number | null;
  readonly poolTokens: number | null;
  /** Tokens of one request, with its answer. */
  readonly length: number;
}

export interface LoadReport extends LoadCapacity {
  readonly steps: readonly LoadStep[];
  readonly peaks: LoadPeaks;
  /** Not everything that was planned was sent, or answered, in the time there was. */
  readonly isCutShort: boolean;
  /** What became of the server meanwhile, with its cause; null: it goes on serving. */
  readonly end: string | null;
}

export interface LoadHow {
  readonly signal: AbortSignal;
  /** @param kvUse 0 to 1; null: not told */
  readonly onProgress: (progress: LoadProgress, kvUse: number | null) => void;
}

/** Fails only where it was cancelled; what goes wrong with requests stands in the report. */
export async function runTestLoad(
  context: AppContext,
  server: Server,
  { signal, onProgress }: LoadHow,
): Promise<Result<LoadReport>> {
  const { clock, log } = context;
  const over = new AbortController();
  const all = AbortSignal.any([signal, over.signal]);
  const startedAtMs = clock.elapsedMs();
  const leftMs = () => startedAtMs + LIMIT_MS - clock.elapsedMs();
  void clock.sleep(LIMIT_MS, all).then(() => over.abort());
  const looks = await startLoadLooks(context, server, all);
  const capacity = capacityOf(server, looks.first);
  const { length } = capacity;
  const mark = context.newId().slice(0, 8);
  log.info('load', 'begins', { id: server.id, length });
  const tell = (progress: LoadProgress) => onProgress(progress, looks.kvUse());

  // a tokenizer that spells makes eight tokens of a word
  const words = Math.max(4, Math.min(FIRST_WORDS, Math.floor(length / 16)));
  const first = await runLoadStep(
    context,
    server,
    {
      atOnce: 1,
      requests: ONE_BY_ONE,
      goOn: null,
      words,
      maxTokens: Math.min(FIRST_TOKENS, Math.ceil(length / 4)),
      kind: 'chat',
      mark: `${mark}-a`,
      limitMs: FIRST_LIMIT_MS,
    },
    all,
    tell,
  );
  const steps = [first];
  const [sample] = first.answered;
  if (sample && first.failed.length === 0 && !all.aborted) {
    const atOnce = Math.max(2, Math.min(MOST_AT_ONCE, Math.floor(capacity.promised ?? 2)));
    const requests = atOnce * (atOnce > TWICE_UP_TO ? 1 : 2);
    const maxTokens = Math.min(SECOND_TOKENS, Math.ceil(length / 4));
    const share = Math.min(length, (capacity.poolTokens ?? Infinity) / atOnce);
    const filling = { words, roomTokens: share - maxTokens, requests, limitMs: FILLING_MS };
    const plan = {
      atOnce,
      requests,
      goOn: SECOND,
      words: wordsToFill(first.answered, filling),
      maxTokens,
      kind: sample.kind,
      mark: `${mark}-b`,
      limitMs: leftMs(),
    };
    steps.push(await runLoadStep(context, server, plan, all, tell));
  }
  if (signal.aborted) return fail('cancelled', 'The load was cancelled.');
  const hasFailed = steps.some(({ failed }) => failed.length > 0);
  const end = hasFailed ? await endOf(context, server.id, signal) : null;
  if (end === null) await looks.look();
  over.abort();
  const isCutShort = steps.some(
    ({ planned, answered, failed }) => answered.length + failed.length < planned,
  );
  log.info('load', 'ended', { id: server.id, tookMs: LIMIT_MS - leftMs(), isCutShort });
  return ok({ ...capacity, steps, peaks: looks.peaks(), isCutShort, end });
}

function capacityOf(server: Server, metrics: VllmMetrics | null): LoadCapacity {
  const { facts, wish, command, conditions } = server;
  if (wish.engine === 'ollama') {
    const { numParallel, numCtx } = wish.options;
    return { promised: numParallel ?? null, poolTokens: null, length: numCtx ?? DEFAULT_LENGTH };
  }
  const { maxModelLen, dataParallelSize } = {
    ...wish.options,
    ...optionsInArguments(command.args),
  };
  const poolTokens =
    facts?.kvCacheTokens ?? metrics?.kvCacheTokens ?? conditions?.prediction?.kvCacheTokens ?? null;
  const told = facts?.maxConcurrency ?? null;
  const promised =
    told === null ? (metrics?.maxConcurrency ?? null) : told * (dataParallelSize ?? 1);
  const planned = maxModelLen == null || poolTokens === null ? null : poolTokens / maxModelLen;
  const length =
    maxModelLen ?? (poolTokens !== null && promised ? poolTokens / promised : DEFAULT_LENGTH);
  return { promised: promised ?? planned, poolTokens, length: Math.floor(length) };
}

/** Waits for the diagnosis where it is going down. */
async function endOf(
  { store, clock }: AppContext,
  id: string,
  signal: AbortSignal,
): Promise<string | null> {
  const deadline = clock.elapsedMs() + DIAGNOSIS_MS;
  for (;;) {
    const server = store.state().servers.find((one) => one.id === id);
    if (!server) return 'It was taken off the list.';
    if (server.phase === 'ended' && (server.diagnosis || clock.elapsedMs() >= deadline))
      return `It ${serverDetail(server, clock.now())}.`;
    if (clock.elapsedMs() >= deadline || signal.aborted) return null;
    await clock.sleep(DIAGNOSIS_POLL_MS, signal);
  }
}
