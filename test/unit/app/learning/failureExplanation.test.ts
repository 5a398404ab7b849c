import assert from 'node:assert/strict';
import { explainFailure } from '../../../../src/app/learning/failureExplanation';
import { failedServer } from '../../../support/failedServer';

const AT = 1_800_000_000_000;
describe('the explanation of a failure', () => {
  it('tells cause, evidence, what helps, and the exit code', () => {
    const text = explainFailure(failedServer, null, AT);
    assert.match(text, /## Cause: not enough memory for the KV cache/);
    assert.match(text, /line 12: ValueError/);
    assert.match(text, /Ask for less\.\n\n4096 × 2 = 8192\n/);
    assert.match(text, /Exit code 1/);
    const unknown = explainFailure({ ...failedServer, diagnosis: null, exitCode: null }, null, AT);
    assert.match(unknown, /No cause was found/);
    assert.doesNotMatch(unknown, /Exit code/);
  });

  it('shows evidence with its neighbours, who else was at work, and the launch to try', () => {
    const tail = {
      firstLine: 10,
      lines: ['before', 'near', 'ValueError: …', 'after', 'far', 'off'],
    };
    const failure = {
      culprits: ['PID 7 (python train.py) grew by 1.2 GiB while this was profiling memory.'],
      correction: {
        wish: failedServer.wish,
        change: { maxModelLen: 4096 },
        diff: ['--max-model-len 8192 → 4096', '+ --enforce-eager', '− --kv-cache-dtype fp8'],
        why: '4096 × 2 = 8192',
        source: 'output' as const,
        verdict: 'fits' as const,
        plan: 'Fits: 16.80 GiB of 24.00 GiB',
      },
      reason: null,
      tried: ['maxModelLen 16384: Too little memory', 'maxModelLen 8192: Too little memory'],
      isOwn: true,
    };
    const text = explainFailure({ ...failedServer, failure }, tail, AT);
    assert.match(text, / {13}near\n {4}line 12: ValueError: …\n {13}after\n {13}far\n/);
    assert.doesNotMatch(text, /off\n/);
    assert.match(text, /## Who else was at work\n\n- PID 7/);
    const diff =
      /```diff\n! --max-model-len 8192 → 4096\n\+ --enforce-eager\n- --kv-cache-dtype fp8\n```/;
    assert.match(text, diff);
    assert.match(text, /4096 × 2 = 8192\n\nFits: 16\.80 GiB of 24\.00 GiB\.\n/);
    assert.match(text, /## What was tried here before\n\n- maxModelLen 16384/);
    assert.doesNotMatch(text, /What helps/);
    const none = { ...failure, correction: null, reason: '3 starts failed here in a row.' };
    assert.match(
      explainFailure({ ...failedServer, failure: none }, null, AT),
      /## No corrected launch\n\n3 starts/,
    );
  });
});
