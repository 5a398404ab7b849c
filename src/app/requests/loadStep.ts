/** One step of a load: some workers take turns until all requests are sent. */
import type { PromptKind } from '../../engines/promptStream';
import type { AppContext } from '../appContext';
import { loadText } from './loadText';
import { sendPrompt, type PromptOutcome } from './prompts';
import type { Server } from '../state';

const TELL_MS = 500;

export interface LoadProgress {
  readonly atOnce: number;
  readonly done: number;
  readonly total: number;
  /** Pieces of text, most of them a token, of all requests together; null: none yet. */
  readonly piecesPerSecond: number | null;
}

export interface LoadStep {
  readonly atOnce: number;
  readonly planned: number;
  readonly answered: readonly PromptOutcome[];
  /** What each failed request said. */
  readonly failed: readonly string[];
  readonly tookMs: number;
}

export interface StepPlan {
  readonly atOnce: number;
  readonly requests: number;
  /** A server that answers them sooner gets up to `most` of them meanwhile: looks at it take their time, too. */
  readonly goOn: { readonly forMs: number; readonly most: number } | null;
  /** Of each prompt. */
  readonly words: number;
  readonly maxTokens: number;
  readonly kind: PromptKind;
  /** Tells the prompts of this run from those of others. */
  readonly mark: string;
  /** None is sent later. */
  readonly limitMs: number;
}

/** Ends early when `signal` falls; what was under way then counts neither as answered nor as failed. */
export async function runLoadStep(
  context: Pick<AppContext, 'http' | 'clock' | 'apiKeys'>,
  server: Server,
  plan: StepPlan,
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadStep> {
  const { clock } = context;
  const { atOnce, requests, goOn, limitMs } = plan;
  const answered: PromptOutcome[] = [];
  const failed: string[] = [];
  const begunAtMs = clock.elapsedMs();
  const tookMs = () => clock.elapsedMs() - begunAtMs;
  let sent = 0;
  let planned = requests;
  let pieces = 0;
  let isGone = false;
  let { kind } = plan;

  const isWanted = () =>
    sent < planned || (goOn !== null && sent < goOn.most && tookMs() < goOn.forMs);

  async function work(): Promise<void> {
    while (isWanted() && !isGone && !signal.aborted && tookMs() < limitMs) {
      sent += 1;
      planned = Math.max(planned, sent);
      const text = loadText(`${plan.mark}-${String(sent)}`, plan.words);
      const prompt = { text, maxTokens: plan.maxTokens, isFixedLength: true };
      const outcome = await sendPrompt(context, server, prompt, {
        kind,
        signal,
        timeoutMs: null,
        onText: () => (pieces += 1),
      });
      if (outcome.ok) {
        ({ kind } = outcome.value);
        answered.push(outcome.value);
      } else if (outcome.failure.reason !== 'cancelled') {
        failed.push(outcome.failure.detail);
        // nobody is there any more: the others would only say so, too
        if (outcome.failure.reason === 'refused') isGone = true;
      }
    }
  }

  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  async function tell(): Promise<void> {
    const seconds = tookMs() / 1000;
    onProgress({
      atOnce,
      done: answered.length + failed.length,
      total: planned,
      piecesPerSecond: pieces > 0 && seconds > 0 ? pieces / seconds : null,
    });
    await clock.sleep(TELL_MS, until);
    if (!until.aborted) await tell();
  }

  void tell();
  await Promise.all(Array.from({ length: Math.min(atOnce, requests) }, work));
  over.abort();
  return { atOnce, planned, answered, failed, tookMs: tookMs() };
}
