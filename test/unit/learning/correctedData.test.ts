/** What is offered after each recorded failure: a launch that differs, easier, never one that failed; and it ends. */
import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { diagnoseText, type Outcome } from '../../../src/engines/diagnose';
import { lessonKind } from '../../../src/learning/causes';
import { correctedLaunchOf, MAX_FAILURES_IN_A_ROW } from '../../../src/learning/correctedLaunch';
import { sameOptions } from '../../../src/planner/sameOptions';
import type { PlanRequest } from '../../../src/shared/planRequest';
import { GIB } from '../../../src/shared/units';
import { llama8b } from '../../fixtures/planner/configs';
import { describeWithData, readDataJson, readDataText } from '../../support/sharedData';

const CORPORA = ['log-corpus', 'vllm-cpu-runs', 'ollama-cpu-runs'];
const indexSchema = z.array(z.object({ file: z.string() }));

describeWithData('corrected launches after recorded failures', () => {
  it('differ from what failed, and stop after three', () => {
    const count = { failures: 0, memory: 0, offered: 0, bySource: {} as Record<string, number> };
    for (const corpus of CORPORA) {
      for (const { file } of z.parse(indexSchema, readDataJson(corpus, 'index.json'))) {
        if (!file.endsWith('.log')) continue;
        const { outcome, ...diagnosis } = diagnoseText(readDataText(corpus, file), 'auto');
        if (diagnosis.result !== 'failed') continue;
        count.failures += 1;
        const isMemory = lessonKind(outcome.causeId ?? '') === 'memory';
        if (isMemory) count.memory += 1;
        const request: PlanRequest = {
          engine: diagnosis.engine,
          engineVersion: diagnosis.engineVersion,
          model: { name: outcome.model ?? 'some/model-8B', config: llama8b },
          gpus: [{ name: outcome.gpuName, totalBytes: 24 * GIB, memory: 'dedicated' }],
          options: outcome.options,
        };
        const tried: Outcome[] = [];
        let { options } = request;
        for (let start = 1; ; start += 1) {
          assert.ok(start <= MAX_FAILURES_IN_A_ROW, `${file}: a loop`);
          const found = correctedLaunchOf({
            request: { ...request, options },
            diagnosis,
            outcomes: tried,
          });
          if ('reason' in found) {
            assert.notEqual(found.reason, '', file);
            break;
          }
          if (start === 1) {
            count.offered += 1;
            count.bySource[found.source] = (count.bySource[found.source] ?? 0) + 1;
          }
          assert.notEqual(found.why, '', file);
          for (const one of [{ options }, ...tried])
            assert.equal(sameOptions(found.options, one.options), false, `${file}: tried before`);
          tried.push({ ...outcome, model: request.model.name ?? null, options });
          options = found.options;
        }
      }
    }
    const { failures, memory, offered, bySource } = count;
    const sources = Object.entries(bySource).map(([source, times]) => `${source} ${times}`);
    console.log(
      `      ${failures} failures, ${memory} for lack of memory; ${offered} with a corrected launch (${sources.join(', ')})`,
    );
    assert.ok(failures >= 60 && offered >= 25);
  });
});
