import assert from 'node:assert/strict';
import { diagnoseText, type Outcome } from '../../../src/engines/diagnose';
import {
  correctedLaunchOf,
  stepUpFrom,
  type CorrectedLaunch,
} from '../../../src/learning/correctedLaunch';
import { plan } from '../../../src/planner/plan';
import type { PlanOptions, PlanRequest } from '../../../src/shared/planRequest';
import { GIB } from '../../../src/shared/units';
import { llama8b, qwen14b } from '../../fixtures/planner/configs';

const request = (options: PlanOptions, config: Record<string, unknown> = llama8b): PlanRequest => ({
  engine: 'vllm',
  engineVersion: '0.19.1',
  model: { name: 'some/model', config },
  gpus: [
    {
      name: 'NVIDIA GeForce RTX 4090',
      totalBytes: 23.5 * GIB,
      freeBytes: 23 * GIB,
      memory: 'dedicated',
    },
  ],
  options,
});

/** Words as vLLM prints them, with figures of our own. */
const LOGS = {
  tooSmall:
    "ValueError: To serve at least one request with the model's max seq len (40960), (5.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.0 GiB). Based on the available memory, the estimated maximum model length is 24571.",
  sampler:
    'RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization`',
  weights: 'RuntimeError: Failed to create unquantized linear weights',
  freeMemory:
    'ValueError: Free memory on device cuda:0 (15.5/23.5 GiB) on startup is less than desired GPU memory utilization (0.9, 21.15 GiB).',
  runtime:
    'INFO:     Application startup complete.\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.',
  flag: 'vllm: error: unrecognized arguments: --no-such-flag',
  nothing: 'something nobody has seen',
};

function failed(options: PlanOptions, log: keyof typeof LOGS): Outcome {
  const { outcome } = diagnoseText(
    LOGS[log],
    'vllm',
    { ended: true, exitCode: 1 },
    {
      model: 'some/model',
      gpuName: 'NVIDIA GeForce RTX 4090',
      options,
    },
  );
  return { ...outcome, engineVersion: '0.19.1', options };
}

function correct(
  options: PlanOptions,
  log: keyof typeof LOGS,
  outcomes: readonly Outcome[] = [],
  config?: Record<string, unknown>,
) {
  const launch = { model: 'some/model', options };
  const diagnosis = diagnoseText(LOGS[log], 'vllm', { ended: true, exitCode: 1 }, launch);
  return correctedLaunchOf({ request: request(options, config), diagnosis, outcomes });
}

function given(found: ReturnType<typeof correct>): CorrectedLaunch {
  assert.ok('change' in found, 'reason' in found ? found.reason : '');
  return found;
}

describe('one corrected launch', () => {
  it('takes the context that vLLM itself computed', () => {
    const found = given(correct({ gpuMemoryUtilization: 0.9, maxModelLen: 40960 }, 'tooSmall'));
    assert.equal(found.source, 'output');
    assert.deepEqual(found.change, { maxModelLen: 24560 });
    assert.deepEqual(found.options, { gpuMemoryUtilization: 0.9, maxModelLen: 24560 });
    assert.match(found.why, /24571/);
  });

  it('takes the share that is free', () => {
    const small = { ...llama8b, num_hidden_layers: 8, max_position_embeddings: 8192 };
    const found = given(correct({ gpuMemoryUtilization: 0.9 }, 'freeMemory', [], small));
    assert.deepEqual(found.change, { gpuMemoryUtilization: 0.65 });
    assert.equal(found.source, 'output');
  });

  it('makes a model that does not go into the free share smaller as well', () => {
    const found = given(correct({ gpuMemoryUtilization: 0.9, maxModelLen: 8192 }, 'freeMemory'));
    assert.equal(found.options.gpuMemoryUtilization, 0.65);
    assert.equal(found.source, 'planner');
    assert.ok(Object.keys(found.change).length > 1);
    assert.notEqual(found.verdictAfter, 'doesNotFit');
    assert.match(found.why, /0\.65/);
  });

  it('loads in 4 bit what does not fit in 16', () => {
    const found = given(
      correct({ gpuMemoryUtilization: 0.9, maxModelLen: 4096 }, 'weights', [], qwen14b),
    );
    assert.equal(found.options.quantization, 'bitsandbytes');
    assert.notEqual(found.verdictAfter, 'doesNotFit');
  });

  it('changes nothing that has no part in the failure', () => {
    const noBlocks =
      'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.';
    const launch = { model: 'some/model', options: { gpuMemoryUtilization: 0.9 } };
    const diagnosis = diagnoseText(noBlocks, 'vllm', { ended: true, exitCode: 1 }, launch);
    assert.equal(diagnosis.cause?.id, 'kv_cache_no_blocks');
    const found = correctedLaunchOf({ request: request(launch.options), diagnosis, outcomes: [] });
    if ('change' in found) assert.notDeepEqual(Object.keys(found.change), ['maxModelLen']);
    const weights = given(correct({ gpuMemoryUtilization: 0.9 }, 'weights', [], qwen14b));
    assert.ok(weights.options.quantization ?? weights.options.cpuOffloadGb);
  });

  it('never proposes what failed already, nor anything harder', () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.9, maxModelLen: 8192 };
    const first = given(correct(options, 'sampler', [failed(options, 'sampler')]));
    const second = given(
      correct(first.options, 'sampler', [
        failed(options, 'sampler'),
        failed(first.options, 'sampler'),
      ]),
    );
    assert.notDeepEqual(second.options, first.options);
    assert.notDeepEqual(second.options, options);
    const isHarder = (one: PlanOptions) =>
      (second.options.gpuMemoryUtilization ?? 0.9) >= (one.gpuMemoryUtilization ?? 0.9) &&
      (second.options.maxNumSeqs ?? 256) >= (one.maxNumSeqs ?? 256) &&
      (second.options.maxModelLen ?? 8192) >= (one.maxModelLen ?? 8192) &&
      second.options.enforceEager !== true &&
      second.options.quantization === undefined &&
      second.options.kvCacheDtype === undefined;
    assert.equal(isHarder(first.options), false);
  });

  it('ends after three failures in a row, and says so', () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.8 };
    const three = [0.9, 0.85, 0.8].map((share) =>
      failed({ gpuMemoryUtilization: share }, 'sampler'),
    );
    const found = correct(options, 'sampler', three);
    assert.ok('reason' in found);
    assert.match(found.reason, /3 starts/);
    const good: Outcome = { ...failed({}, 'sampler'), result: 'ready', causeId: null };
    assert.ok(
      'change' in correct(options, 'sampler', [...three.slice(0, 2), good, ...three.slice(2)]),
    );
  });

  it('serves fewer requests after running out while serving', () => {
    const found = given(correct({ gpuMemoryUtilization: 0.9, maxNumSeqs: 64 }, 'runtime'));
    assert.ok((found.options.maxNumSeqs ?? 64) < 64);
  });

  it('offers nothing where no setting helps', () => {
    for (const log of ['nothing', 'flag'] as const) {
      const found = correct({}, log);
      assert.ok('reason' in found);
      assert.notEqual(found.reason, '');
    }
  });

  it('walks down to something that the planner has nothing against, whatever fails', () => {
    for (const log of ['sampler', 'weights', 'tooSmall', 'freeMemory'] as const) {
      let options: PlanOptions = { gpuMemoryUtilization: 0.9, maxModelLen: 40960 };
      const outcomes: Outcome[] = [];
      const seen = new Set([JSON.stringify(options)]);
      for (let start = 0; start < 6; start++) {
        const found = correct(options, log, outcomes);
        if (!('change' in found)) break;
        assert.equal(seen.has(JSON.stringify(found.options)), false, 'the same settings again');
        seen.add(JSON.stringify(found.options));
        outcomes.push(failed(options, log));
        options = found.options;
      }
      assert.ok(outcomes.length <= 3, `${log}: a loop of ${String(outcomes.length)}`);
    }
  });
});

describe('failures in a row', () => {
  it('count the very same settings again and again', () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.9, maxModelLen: 40960 };
    const one = failed(options, 'tooSmall');
    assert.ok('change' in correct(options, 'tooSmall', [one]));
    assert.ok('change' in correct(options, 'tooSmall', [one, one]));
    const third = correct(options, 'tooSmall', [one, one, one]);
    assert.ok('reason' in third && third.isRuledOut);
  });

  it('count the one that is looked at, whether it is among them or not', () => {
    const shares = [0.9, 0.85].map((share) => failed({ gpuMemoryUtilization: share }, 'sampler'));
    const without = correct({ gpuMemoryUtilization: 0.8 }, 'sampler', shares);
    assert.ok('reason' in without);
    const last = failed({ gpuMemoryUtilization: 0.8 }, 'sampler');
    assert.deepEqual(correct({ gpuMemoryUtilization: 0.8 }, 'sampler', [...shares, last]), without);
  });

  it('count crashes without a word, which rule no settings out', () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.9, maxModelLen: 40960 };
    const killed: Outcome = { ...failed(options, 'tooSmall'), causeId: 'engine_killed' };
    assert.ok('change' in correct(options, 'tooSmall', [killed]));
    assert.ok('reason' in correct(options, 'tooSmall', [killed, killed]));
  });

  it('leave out what says nothing about the launch, other models, versions and cards', () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.9, maxModelLen: 40960 };
    const one = failed({ ...options, maxModelLen: 50000 }, 'tooSmall');
    for (const change of [
      { causeId: 'port_in_use' },
      { model: 'other/model' },
      { engineVersion: '0.10.0' },
      { gpuName: 'NVIDIA H100' },
    ]) {
      const others = [1, 2, 3, 4].map((): Outcome => ({ ...one, ...change }));
      assert.ok('change' in correct(options, 'tooSmall', others), JSON.stringify(change));
    }
  });
});

describe('the way back up', () => {
  const careful: PlanOptions = {
    gpuMemoryUtilization: 0.8,
    maxModelLen: 2048,
    enforceEager: true,
  };
  const good: Outcome = { ...failed(careful, 'sampler'), result: 'ready', causeId: null };

  it('takes one step at a time, and none that failed', () => {
    const early = failed({ gpuMemoryUtilization: 0.9, maxModelLen: 8192 }, 'sampler');
    const first = stepUpFrom(request(careful), [early, good], 131072);
    assert.deepEqual(first?.change, { enforceEager: false });
    const burnt = failed(first.options, 'sampler');
    const second = stepUpFrom(request(careful), [early, good, burnt], 131072);
    assert.deepEqual(second?.change, { maxModelLen: 4096 });
  });

  it('leaves small settings alone that no failure forced', () => {
    assert.equal(stepUpFrom(request(careful), [good], 131072), null);
  });

  it('goes back at once where the step fails', () => {
    const early = failed({ gpuMemoryUtilization: 0.9, maxModelLen: 8192 }, 'sampler');
    const outcomes = [early, good];
    const up = stepUpFrom(request(careful), outcomes, 131072);
    assert.ok(up);
    const back = given(
      correct(up.options, 'sampler', [...outcomes, failed(up.options, 'sampler')]),
    );
    assert.equal(back.source, 'known');
    assert.deepEqual(back.options, careful);
    // what failed elsewhere is no step from there
    const far = { gpuMemoryUtilization: 0.95, maxModelLen: 65536 };
    assert.notEqual(given(correct(far, 'sampler', outcomes)).source, 'known');
  });

  it('takes no step that would not fit', () => {
    const early = failed({ gpuMemoryUtilization: 0.9 }, 'sampler');
    const tooLarge = request(careful, qwen14b);
    assert.equal(plan(tooLarge).verdict, 'doesNotFit');
    assert.equal(stepUpFrom(tooLarge, [early], 32768), null);
  });
});
