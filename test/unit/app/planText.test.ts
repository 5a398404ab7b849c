import assert from 'node:assert/strict';
import { planText } from '../../../src/app/commands/planText';
import { answerRequest } from '../../../src/app/planning/planService';
import type { PlanOptions, PlanRequest } from '../../../src/shared/planRequest';
import { GIB } from '../../../src/shared/units';
import { llama8b } from '../../fixtures/planner/configs';

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

  it('recommends nothing for a card that is not there, nor blames the settings', () => {
    const text = textOf({}, { gpus: [], model: { name: 'Qwen/Qwen3-4B' } });
    assert.doesNotMatch(text, /Known to work on such a card|no setting is known/);
    assert.match(text, /Computed \(.*\): there is no GPU to plan for/);
    const huge = textOf({}, { model: { name: 'some/model-700B' } });
    assert.match(huge, /no setting is known with which it fits|→ /);
  });
});
