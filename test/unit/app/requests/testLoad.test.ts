import assert from 'node:assert/strict';
import { loadReport, percentile } from '../../../../src/app/requests/loadReport';
import type { LoadProgress } from '../../../../src/app/requests/loadStep';
import { loadText, wordsToFill } from '../../../../src/app/requests/loadText';
import {
  promptSummary,
  sendPrompt,
  type PromptOutcome,
} from '../../../../src/app/requests/prompts';
import { runTestLoad, type LoadReport } from '../../../../src/app/requests/testLoad';
import { noFacts } from '../../../../src/engines/startFacts';
import { answered, fakeContext, serverOf, type FakeContext } from '../../../support/fakePorts';

const BASE = 'http://127.0.0.1:8000';
const SERVER = serverOf({
  phase: 'ready',
  readyAtMs: 1_800_000_001_000,
  facts: { ...noFacts, kvCacheTokens: 8192, maxConcurrency: 4 },
  command: { file: 'vllm', args: ['serve', 'org/m', '--max-model-len', '2048'], env: {} },
});

interface Sent {
  readonly max_tokens: number;
  readonly ignore_eos?: boolean;
  readonly messages: readonly { content: string }[];
}

/** A word is a token; 100 µs to read one, 10 ms to write one; the pool holds what runs. */
function answering(context: FakeContext, before: (sent: Sent) => void = () => undefined) {
  const seen = { running: 0, most: 0, held: 0, sent: [] as Sent[] };
  context.http.routes.set(`POST ${BASE}/v1/chat/completions`, async ({ body, onText, signal }) => {
    const sent = JSON.parse(body ?? '') as Sent;
    seen.sent.push(sent);
    before(sent);
    const words = (sent.messages[0]?.content ?? '').split(' ').length;
    seen.running += 1;
    seen.held += words;
    seen.most = Math.max(seen.most, seen.running);
    const say = (event: object) => onText?.(`data: ${JSON.stringify(event)}\n\n`);
    await context.clock.sleep(words / 10, signal);
    for (let token = 0; token < sent.max_tokens; token += 1) {
      say({ choices: [{ delta: { content: ' a' } }] });
      if (token < sent.max_tokens - 1) await context.clock.sleep(10, signal);
    }
    seen.running -= 1;
    seen.held -= words;
    say({ choices: [], usage: { prompt_tokens: words, completion_tokens: sent.max_tokens } });
    onText?.('data: [DONE]\n\n');
    return answered('');
  });
  context.http.routes.set(`GET ${BASE}/metrics`, () =>
    answered(
      [
        `vllm:kv_cache_usage_perc{engine="0"} ${seen.held / 8192}`,
        `vllm:num_requests_waiting{engine="0"} 0`,
        'vllm:num_preemptions_total{engine="0"} 3',
      ].join('\n'),
    ),
  );
  return seen;
}

const signal = () => new AbortController().signal;

function valueOf<T>(
  result:
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: object },
): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

describe('a prompt', () => {
  const PROMPT = { text: 'Hello?', maxTokens: 11, isFixedLength: false };

  it('tells the answer as it comes, the time to its first token, and its speed', async () => {
    const context = fakeContext();
    answering(context);
    const texts: string[] = [];
    const outcome = valueOf(
      await context.clock.until(
        sendPrompt(context, SERVER, PROMPT, {
          kind: 'chat',
          signal: signal(),
          timeoutMs: 1000,
          onText: (text) => texts.push(text),
        }),
      ),
    );
    assert.deepEqual([texts.length, texts[1]], [11, ' a a']);
    assert.equal(outcome.tokens, 11);
    assert.ok(Math.abs((outcome.tokensPerSecond ?? 0) - 100) < 1, 'ten tokens in 100 ms');
    assert.match(
      promptSummary(outcome),
      /^“a a .*” 11 tokens, the first after 0\.00 s, 100\.0 tokens\/s\.$/,
    );
  });

  it('tells no speed where a busy server held the answer back', async () => {
    const context = fakeContext();
    context.http.routes.set(`POST ${BASE}/v1/chat/completions`, async ({ onText }) => {
      await context.clock.sleep(1_000);
      for (let token = 0; token < 11; token += 1) {
        onText?.(`data: ${JSON.stringify({ choices: [{ delta: { content: ' a' } }] })}\n\n`);
        await context.clock.sleep(0.1);
      }
      onText?.('data: {"choices":[],"usage":{"completion_tokens":11}}\n\ndata: [DONE]\n\n');
      return answered('');
    });
    const how = { kind: 'chat', signal: signal(), timeoutMs: 5_000 } as const;
    const outcome = valueOf(await context.clock.until(sendPrompt(context, SERVER, PROMPT, how)));
    assert.deepEqual([outcome.tokens, outcome.tokensPerSecond], [11, null]);
    assert.match(promptSummary(outcome), /11 tokens, the first after 1\.00 s\.$/);
  });

  it('completes where there is no chat template, and says so; embeds where there is nothing else', async () => {
    const context = fakeContext();
    const { routes } = context.http;
    const refused = answered({ error: { message: 'no chat template', code: 400 } }, 400);
    routes.set(`POST ${BASE}/v1/chat/completions`, refused);
    routes.set(`POST ${BASE}/v1/completions`, ({ onText }) => {
      onText?.('data: {"choices":[{"text":"Hi"}]}\n\ndata: [DONE]\n\n');
      return answered('');
    });
    const how = { kind: 'chat', signal: signal(), timeoutMs: 1000 } as const;
    const completed = valueOf(await sendPrompt(context, SERVER, PROMPT, how));
    assert.deepEqual(
      [completed.kind, completed.text, completed.tokens],
      ['completion', 'Hi', null],
    );
    assert.match(promptSummary(completed), /no chat template: this is a completion/);

    const gone = answered({ detail: 'Not Found' }, 404);
    routes.set(`POST ${BASE}/v1/chat/completions`, gone);
    routes.set(`POST ${BASE}/v1/completions`, gone);
    routes.set(`POST ${BASE}/v1/embeddings`, answered({ data: [{ embedding: [1, 2, 3] }] }));
    const embedded = valueOf(await sendPrompt(context, SERVER, PROMPT, how));
    assert.match(promptSummary(embedded), /makes embeddings: 3 numbers for a text, in 0\.00 s\.$/);

    routes.set(`POST ${BASE}/v1/embeddings`, gone);
    const none = await sendPrompt(context, SERVER, PROMPT, how);
    assert.equal(!none.ok && none.failure.reason, 'badOutput');
  });

  it('asks Ollama under the name and with the options of the launch, and takes its own clock', async () => {
    const context = fakeContext();
    const ollama = serverOf({
      ...SERVER,
      port: 11434,
      wish: { ...SERVER.wish, engine: 'ollama', model: 'tiny', options: { numCtx: 2048 } },
    });
    context.http.routes.set('POST http://127.0.0.1:11434/api/chat', ({ onText }) => {
      onText?.('{"message":{"content":"Hi"},"done":false}\n');
      onText?.('{"message":{"content":""},"done":true,"eval_count":5,"eval_duration":80000000}\n');
      return answered('');
    });
    const how = { kind: 'chat', signal: signal(), timeoutMs: 1000 } as const;
    const outcome = valueOf(await sendPrompt(context, ollama, PROMPT, how));
    assert.deepEqual([outcome.text, outcome.tokens, outcome.tokensPerSecond], ['Hi', 5, 62.5]);
    const [sent] = context.http.sent('/api/chat') as { model: string; options: object }[];
    assert.deepEqual([sent?.model, sent?.options], ['tiny', { num_ctx: 2048, num_predict: 11 }]);
  });

  it('fails where the answer breaks off, and in the words of the engine', async () => {
    const context = fakeContext();
    const ends = (text: string) =>
      context.http.routes.set(`POST ${BASE}/v1/chat/completions`, ({ onText }) => {
        onText?.(text);
        return answered('');
      });
    const ask = async () => {
      const how = { kind: 'chat', signal: signal(), timeoutMs: 1000 } as const;
      const outcome = await sendPrompt(context, SERVER, PROMPT, how);
      return outcome.ok ? 'answered' : outcome.failure.detail;
    };
    ends('data: {"choices":[{"delta":{"content":"a"}}]}\n\n');
    assert.equal(await ask(), 'Its answer broke off.');
    ends('data: {"error":{"message":"CUDA error: out of memory"}}\n\n');
    assert.equal(await ask(), 'CUDA error: out of memory');
  });
});

describe('a short load', () => {
  it('asks one by one, then as many at once as the start promised, and fills the pool', async () => {
    const context = fakeContext();
    const seen = answering(context);
    const progress: [LoadProgress, number | null][] = [];
    const report = valueOf(
      await context.clock.until(
        runTestLoad(context, SERVER, {
          signal: signal(),
          onProgress: (...told) => progress.push(told),
        }),
      ),
    );
    assert.deepEqual(
      report.steps.map(({ atOnce, planned, answered: all, failed }) => [
        atOnce,
        planned,
        all.length,
        failed.length,
      ]),
      [
        [1, 10, 10, 0],
        [4, 16, 16, 0],
      ],
    );
    assert.equal(seen.most, 4);
    assert.equal(seen.sent.length, 26, 'eight would be answered before a look or two');
    assert.ok(seen.sent.every((one) => one.ignore_eos === true));
    const starts = seen.sent.map(({ messages }) => messages[0]?.content.slice(0, 14));
    assert.equal(new Set(starts).size, 26, 'none begins as another one: nothing is cached');
    const [prompt] = report.steps[1]?.answered ?? [];
    assert.ok((prompt?.promptTokens ?? 0) > 1600 && (prompt?.promptTokens ?? 0) + 128 <= 2048);
    assert.ok((report.peaks.kvUse ?? 0) > 0.75, String(report.peaks.kvUse));
    assert.equal(report.peaks.preemptions, 0, 'the three were there before');
    assert.equal(report.isCutShort, false);
    assert.ok(
      progress.some(([{ atOnce, done }, kv]) => atOnce === 4 && done > 0 && (kv ?? 0) > 0.75),
    );

    const text = loadReport(SERVER, report, context.clock.now());
    assert.match(text, /\| +\| one after another +\| 4 at once +\|/);
    assert.match(text, /\| Requests answered +\| 10 of 10 +\| 16 of 16 +\|/);
    assert.match(text, /\| Latency, p50 \/ p95 +\| 0\.64 s \/ 0\.64 s/);
    assert.match(text, /- KV cache in use at most: \d\d % of 8,192 tokens/);
    assert.match(text, /- Preemptions: 0$/m);
    assert.doesNotMatch(text, /Failures|undefined|NaN/);
  });

  it('ends after two minutes, with what was answered by then', async () => {
    const context = fakeContext();
    const seen = answering(context);
    const slow = serverOf({
      ...SERVER,
      facts: { ...noFacts, kvCacheTokens: 131_072 * 64, maxConcurrency: 64 },
    });
    const command = { ...SERVER.command, args: ['serve', 'org/m', '--max-model-len', '131072'] };
    context.http.routes.set(
      `POST ${BASE}/v1/chat/completions`,
      async ({ body, onText, signal: falls }) => {
        seen.sent.push(JSON.parse(body ?? '') as Sent);
        await context.clock.sleep(9_000, falls);
        onText?.('data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n');
        return answered('');
      },
    );
    const startMs = context.clock.now();
    const report = valueOf(
      await context.clock.until(
        runTestLoad(
          context,
          { ...slow, command },
          { signal: signal(), onProgress: () => undefined },
        ),
        300_000,
      ),
    );
    assert.ok(context.clock.now() - startMs <= 121_000);
    assert.ok(seen.sent.length <= 200);
    assert.equal(report.steps[0]?.answered.length, 5, 'a third of the time for the first step');
    assert.equal(report.isCutShort, true);
    assert.match(loadReport(slow, report, 0), /Not every request was answered/);
  });

  it('says what the server died of', async () => {
    const context = fakeContext();
    context.store.dispatch({ type: 'serverAdded', server: SERVER });
    answering(context, ({ max_tokens }) => {
      if (max_tokens !== 128) return;
      context.http.routes.set(`POST ${BASE}/v1/chat/completions`, 'refused');
      context.clock.after(2_000, () =>
        context.store.dispatch({
          type: 'serverLived',
          id: SERVER.id,
          event: { type: 'processEnded', result: 'failed' },
          change: {
            diagnosis: {
              engine: 'vllm',
              engineVersion: null,
              stage: 'serving',
              result: 'failed',
              cause: { id: 'runtime_oom', title: 'out of memory while serving', evidence: [] },
              remedy: null,
              facts: noFacts,
            },
          },
        }),
      );
    });
    const report = valueOf(
      await context.clock.until(
        runTestLoad(context, SERVER, { signal: signal(), onProgress: () => undefined }),
      ),
    );
    assert.equal(report.end, 'It crashed: out of memory while serving.');
    const text = loadReport(SERVER, report, 0);
    assert.match(text, /\*\*It crashed: out of memory while serving\.\*\*/);
    assert.match(text, /## Failures\n\n- \d+ × /);
  });

  it('is cancelled with its requests', async () => {
    const context = fakeContext();
    const seen = answering(context);
    const abort = new AbortController();
    const load = runTestLoad(context, SERVER, {
      signal: abort.signal,
      onProgress: () => undefined,
    });
    await context.clock.pass(1_000);
    abort.abort();
    const result = await context.clock.until(load);
    assert.equal(!result.ok && result.failure.reason, 'cancelled');
    const sent = seen.sent.length;
    await context.clock.pass(5_000);
    assert.equal(seen.sent.length, sent);
  });
});

describe('the words of a load', () => {
  const outcome = (given: Partial<PromptOutcome>): PromptOutcome => ({
    kind: 'chat',
    text: '',
    dimensions: null,
    promptTokens: 100,
    tokens: 64,
    firstMs: 10,
    totalMs: 100,
    tokensPerSecond: 50,
    ...given,
  });

  it('are the same for the same mark', () => {
    assert.equal(loadText('a-1', 20), loadText('a-1', 20));
    assert.notEqual(loadText('a-1', 20).slice(0, 3), loadText('b-1', 20).slice(0, 3));
    assert.equal(loadText('x', 300).split(' ').length, 300 + 6);
  });

  it('fill the room, unless reading them would take too long', () => {
    const filling = { words: 50, roomTokens: 2000, requests: 8, limitMs: 40_000 };
    assert.equal(wordsToFill([outcome({})], filling), 900, 'two tokens a word, a tenth left');
    assert.equal(wordsToFill([outcome({ firstMs: 1000 })], filling), 250);
    assert.equal(wordsToFill([outcome({ promptTokens: null })], filling), 225);
    assert.equal(wordsToFill([outcome({ firstMs: 100_000 })], filling), 50, 'never fewer');
  });

  it('percentiles are values that were measured', () => {
    assert.deepEqual([percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 0.95)], [2, 3]);
    assert.equal(percentile([5], 0.95), 5);
  });

  it('a report without any figure holds none', () => {
    const empty: LoadReport = {
      promised: null,
      poolTokens: null,
      length: 4096,
      steps: [{ atOnce: 1, planned: 10, answered: [], failed: ['no'], tookMs: 0 }],
      peaks: { kvUse: null, waiting: null, preemptions: null },
      isCutShort: true,
      end: null,
    };
    assert.doesNotMatch(loadReport(SERVER, empty, 0), /NaN|null|undefined|\b0\.0/);
  });
});
