/** One prompt to a server: its answer as it comes, and how fast it came. */
import {
  createPromptReader,
  type Prompt,
  type PromptDialect,
  type PromptKind,
  type PromptTarget,
} from '../../engines/promptStream';
import { ollamaPrompts } from '../../engines/ollama/prompt';
import { vllmPrompts } from '../../engines/vllm/prompt';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import type { HttpAnswer } from '../ports';
import { endpointOf } from '../servers/serverText';
import type { Server } from '../state';

/** An answer that came within it was held back and then sent at once, which a busy server does: no speed shows. */
const BURST_MS = 20;

export interface PromptOutcome {
  readonly kind: PromptKind;
  /** Empty for embeddings. */
  readonly text: string;
  /** Of one embedding; null: it wrote text. */
  readonly dimensions: number | null;
  readonly promptTokens: number | null;
  readonly tokens: number | null;
  /** To the first piece of text; null: there was none. */
  readonly firstMs: number | null;
  readonly totalMs: number;
  /** While it wrote; null: it came too fast to tell. */
  readonly tokensPerSecond: number | null;
}

export interface PromptHow {
  /** Tried first; others follow where the model can't do it. */
  readonly kind: PromptKind;
  readonly signal: AbortSignal;
  readonly timeoutMs: number | null;
  /** With all of the text so far. */
  readonly onText?: (text: string) => void;
}

export const dialectOf = ({ wish }: Server): PromptDialect =>
  wish.engine === 'vllm' ? vllmPrompts : ollamaPrompts;

export function promptTarget(server: Server, apiKey: string | null): PromptTarget {
  const { wish, servedModelName } = server;
  return {
    base: endpointOf(server),
    model: wish.engine === 'vllm' ? servedModelName : wish.model,
    apiKey,
    options: wish.options,
    keepAlive: wish.keepAlive ?? null,
  };
}

/** Fails in the engine's own words where it refuses, or breaks off. */
export async function sendPrompt(
  context: Pick<AppContext, 'http' | 'clock' | 'apiKeys'>,
  server: Server,
  prompt: Prompt,
  how: PromptHow,
): Promise<Result<PromptOutcome>> {
  const dialect = dialectOf(server);
  const target = promptTarget(server, await context.apiKeys.of(server));
  let kind = how.kind;
  for (;;) {
    const outcome = await sendAs(context, dialect, target, kind, prompt, how);
    if (!('refusal' in outcome)) return outcome;
    const { status, body } = outcome.refusal;
    const next = dialect.insteadOf(kind, body);
    if (next === null) {
      const why = dialect.readError(body) ?? body.slice(0, 200);
      return fail('badOutput', `It answered ${String(status)}: ${why}`);
    }
    kind = next;
  }
}

async function sendAs(
  { http, clock }: Pick<AppContext, 'http' | 'clock'>,
  dialect: PromptDialect,
  target: PromptTarget,
  kind: PromptKind,
  prompt: Prompt,
  { signal, timeoutMs, onText }: PromptHow,
): Promise<Result<PromptOutcome> | { readonly refusal: HttpAnswer }> {
  const reader = createPromptReader(dialect);
  const sentAtMs = clock.elapsedMs();
  /** When text came. */
  const seen: { length: number; firstAtMs: number | null; lastAtMs: number } = {
    length: 0,
    firstAtMs: null,
    lastAtMs: sentAtMs,
  };
  const answer = await http.request({
    ...dialect.request(target, kind, prompt, { isStreamed: true }),
    timeoutMs,
    // of its own: many that listen to one signal look like a leak to Node
    signal: AbortSignal.any([signal]),
    ...(kind !== 'embedding' && {
      onText(chunk: string) {
        reader.push(chunk);
        const { text } = reader.reading();
        if (text.length === seen.length) return;
        seen.length = text.length;
        seen.lastAtMs = clock.elapsedMs();
        seen.firstAtMs ??= seen.lastAtMs;
        onText?.(text);
      },
    }),
  });
  if (!answer.ok) return answer;
  if (answer.value.status !== 200) return { refusal: answer.value };
  const totalMs = clock.elapsedMs() - sentAtMs;
  const untold = { kind, totalMs, text: '', dimensions: null, tokens: null, firstMs: null };
  if (kind === 'embedding') {
    const embedded = dialect.readEmbedded(answer.value.body);
    return embedded
      ? ok({ ...untold, ...embedded, tokensPerSecond: null })
      : fail('badOutput', 'Its answer holds no embedding.');
  }
  reader.end();
  const { text, tokens, promptTokens, writingSeconds, error, isOver } = reader.reading();
  if (error !== null) return fail('failed', error);
  if (!isOver) return fail('failed', 'Its answer broke off.');
  const { firstAtMs, lastAtMs } = seen;
  const firstMs = firstAtMs === null ? null : firstAtMs - sentAtMs;
  // by our clock the first token is what the time before it was for
  const written = (tokens ?? 0) - (writingSeconds === null ? 1 : 0);
  const seenMs = lastAtMs - (firstAtMs ?? lastAtMs);
  const seconds = writingSeconds ?? (seenMs < BURST_MS ? 0 : seenMs / 1000);
  const tokensPerSecond = written > 0 && seconds > 0 ? written / seconds : null;
  return ok({ ...untold, text, tokens, promptTokens, firstMs, tokensPerSecond });
}

/** e.g. "“Hello!” 12 tokens, the first after 0.21 s, 38.2 tokens/s." */
export function promptSummary(outcome: PromptOutcome): string {
  const { kind, text, dimensions, tokens, firstMs, totalMs, tokensPerSecond } = outcome;
  if (dimensions !== null)
    return `The model makes embeddings: ${String(dimensions)} numbers for a text, in ${seconds(totalMs)}.`;
  const speed = [
    tokens === null ? null : `${String(tokens)} tokens`,
    firstMs === null ? `in ${seconds(totalMs)}` : `the first after ${seconds(firstMs)}`,
    tokensPerSecond === null ? null : `${tokensPerSecond.toFixed(1)} tokens/s`,
  ].filter((part) => part !== null);
  const plain = kind === 'completion' ? ' It has no chat template: this is a completion.' : '';
  return `“${text.trim().slice(0, 200)}” ${speed.join(', ')}.${plain}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
