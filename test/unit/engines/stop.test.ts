import assert from 'node:assert/strict';
import { STAGES } from '../../../src/engines/engine';
import { ollamaStopRecipe } from '../../../src/engines/ollama/stop';
import { vllmStopRecipe } from '../../../src/engines/vllm/stop';

const ask = { forced: false, streamOpen: false };

describe('stop recipes', () => {
  it('never kill one process of vLLM alone, and always end by killing all', () => {
    for (const stage of STAGES)
      for (const forced of [false, true])
        for (const streamOpen of [false, true]) {
          const steps = vllmStopRecipe(stage, { forced, streamOpen });
          const kills = steps.filter((step) => step.signal === 'SIGKILL');
          assert.deepEqual(
            kills.map((step) => step.target),
            ['all'],
            stage,
          );
          assert.equal(steps.at(-1), kills[0]);
        }
  });

  it('never send SIGTERM to vLLM itself: it is lost during a start', () => {
    for (const stage of STAGES)
      for (const step of vllmStopRecipe(stage, ask))
        assert.ok(step.target !== 'main' || step.signal === 'SIGINT', stage);
  });

  it('wait long for a server that is ready, shortly for one that starts', () => {
    assert.equal(vllmStopRecipe('ready', ask)[0]?.waitMs, 8000);
    assert.equal(vllmStopRecipe('loading', ask)[0]?.waitMs, 3000);
    assert.ok(
      (vllmStopRecipe('serving', { forced: false, streamOpen: true })[0]?.waitMs ?? 0) < 8000,
    );
  });

  it('end Ollama politely: it takes its runners along', () => {
    const [first, ...more] = ollamaStopRecipe({ forced: false });
    assert.deepEqual([first?.target, first?.signal], ['main', 'SIGTERM']);
    assert.deepEqual(
      more.map((step) => [step.target, step.signal]),
      [
        ['engine', 'SIGTERM'],
        ['all', 'SIGKILL'],
      ],
    );
  });
});
