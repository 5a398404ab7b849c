import assert from 'node:assert/strict';
import { planText } from '../../../../src/app/planning/planText';
import { answerRequest } from '../../../../src/app/planning/planService';
import type { PlanOptions, PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import { llama8b } from '../../../fixtures/planner/configs';

const CARD = { name: null, totalBytes: 23.5 * GIB, freeBytes: 23 * GIB, memory: 'dedicated' };

function textOf(
  options: PlanOptions,
  more: Partial<PlanRequest> = {},
  args: string[] = [],
): string {
  const request: PlanRequest = {
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: { name: 'some/llama-8B', config: llama8b },
    gpus: [CARD as PlanRequest['gpus'][number]],
    options: { maxModelLen: 8192, ...options },
    ...more,
  };
  const command = {
    file: request.engine,
    host: '127.0.0.1',
    port: null,
    servedModelName: null,
    extraArguments: args,
    environment: {},
  };
  return planText(request, answerRequest(request, command));
}

describe('a plan in words', () => {
  it('names the engine and what the plan was worked out from', () => {
    assert.match(textOf({}), /^\(vLLM 0\.19\.1, from its config\)$/m);
    const model = { name: 'some/llama-8B' };
    assert.match(textOf({}, { model }), /^\(vLLM 0\.19\.1, from the name\)$/m);
    const ollama = { engine: 'ollama', engineVersion: '0.12.6', model, options: {} } as const;
    assert.match(textOf({}, ollama), /^\(Ollama 0\.12\.6, from the name\)$/m);
  });

  it('tells a share that was given from one that was chosen', () => {
    assert.match(textOf({ gpuMemoryUtilization: 0.8 }), /Utilization: 0\.80 \(as given\)/);
    assert.match(textOf({ gpuMemoryUtilization: 0 }), /Utilization: 0\.\d\d \(exact rule\)/);
    assert.match(textOf({}), /Utilization: 0\.90 \(the version's own\)/);
    const fixed = textOf({ kvCacheMemoryBytes: 2 * GIB });
    assert.doesNotMatch(fixed, /utilization/i);
  });

  it('gives tokens and requests at once as two figures, not as a product', () => {
    const text = textOf({ gpuMemoryUtilization: 0.9 });
    assert.match(text, /for KV, [\d,]+ tokens: \d+\.\d requests of 8,192 at once$/m);
    assert.doesNotMatch(text, / × [\d.]+ requests/);
  });

  it('has one word for the KV cache', () => {
    const ollama = { engine: 'ollama', engineVersion: '0.12.6', options: {} } as const;
    for (const text of [textOf({}), textOf({}, { ...ollama, model: { name: 'qwen3:8b' } })]) {
      assert.match(text, /KV cache/);
      assert.doesNotMatch(text, /K\/V/);
    }
  });

  it('begins with the verdict and its reason, and says neither twice', () => {
    const lines = textOf({ gpuMemoryUtilization: 0.99 }).split('\n');
    assert.match(lines[0] ?? '', /: does not fit$/);
    assert.match(lines[1] ?? '', /^GPU 0: .* wanted at the start, .* free/);
    assert.equal(lines.filter((line) => line.includes('wanted at the start')).length, 1);
  });

  it('says of equal cards once what they hold', () => {
    const card = CARD as PlanRequest['gpus'][number];
    const text = textOf({ tensorParallelSize: 2 }, { gpus: [card, card] });
    assert.match(text, /^some\/llama-8B on 2 × 24 GiB: /);
    assert.equal(text.match(/GPU 0 to 1, each {2}/g)?.length, 2);
    const unequal = textOf({}, { gpus: [card, { ...card, freeBytes: 9 * GIB }] });
    assert.match(unequal, /^ {2}GPU 1 {2}total 23\.50 GiB, used 14\.50 GiB, free 9\.00 GiB$/m);
  });

  it('gives advice as flags that can be typed, and what is not enough in one line', () => {
    const model = { name: 'some/llama-70B' };
    const text = textOf({}, { model });
    assert.match(text, /^ {2}Not enough by itself: --\S.*; --enforce-eager/m);
    assert.doesNotMatch(text, /→ does not fit|→ unknown| = "/);
    const ollama = { engine: 'ollama', engineVersion: '0.12.6' } as const;
    const shorter = textOf({ numCtx: 131072 }, { ...ollama, model: { name: 'qwen3:14b' } });
    assert.match(shorter, /kv_cache_type q8_0, flash_attention on/);
  });

  it('says when the length is only assumed', () => {
    const model = { name: 'some/llama-8B' };
    const options = { maxModelLen: null };
    assert.match(textOf(options, { model }), /Context: 4,096 tokens, assumed: /);
    assert.doesNotMatch(textOf({}, { model }), /assumed/);
    assert.doesNotMatch(textOf(options), /assumed/);
  });

  it('recommends nothing for a card that is not there, nor blames the settings', () => {
    const text = textOf({}, { gpus: [], model: { name: 'Qwen/Qwen3-4B' } });
    assert.doesNotMatch(text, /Known to work on such a card|no setting is known/);
    assert.match(text, /Computed \(.*\): there is no GPU to plan for/);
    const huge = textOf({}, { model: { name: 'some/model-700B' } });
    assert.match(huge, /no setting is known with which it fits|→ /);
  });
});
