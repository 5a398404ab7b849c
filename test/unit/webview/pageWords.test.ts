import assert from 'node:assert/strict';
import { GIB } from '../../../src/shared/units';
import { commandGroups } from '../../../webview/commandText';
import { guidanceFor, parametersInName } from '../../../webview/guidance';
import { memoryBar, plannedBytes } from '../../../webview/memoryParts';
import { describeChange, verdictSentence } from '../../../webview/verdictSentence';
import { gpuPlan, samplePlan } from './samples';

describe('the memory bar', () => {
  const sum = (parts: readonly { bytes: number | null }[]) =>
    parts.reduce((total, part) => total + (part.bytes ?? 0), 0);

  it('fills the card exactly when it fits', () => {
    const bar = memoryBar(gpuPlan(), 'vllm', {}, GIB);
    assert.equal(Math.round(sum(bar.parts)), Math.round(bar.totalBytes));
    assert.equal(bar.overBytes, 0);
    assert.equal(bar.parts.find((part) => part.id === 'reserve')?.bytes, GIB);
  });

  it('runs past the end of the card by what is missing', () => {
    const bar = memoryBar(gpuPlan({ freeBytes: 10 * GIB }), 'vllm', {}, GIB);
    assert.equal(Math.round(bar.scaleBytes), Math.round(sum(bar.parts)));
    assert.ok(bar.overBytes > 8 * GIB);
    assert.equal(bar.parts.find((part) => part.id === 'free')?.bytes, 0);
  });

  it('keeps unknown apart from nothing, and names a range only where there is one', () => {
    const gpu = gpuPlan({ graphBytes: null, freeBytes: null });
    const bar = memoryBar(
      gpu,
      'vllm',
      { activationBytes: [GIB, 2 * GIB], weightsBytes: [5, 5] },
      0,
    );
    const part = (id: string) => bar.parts.find((one) => one.id === id);
    assert.equal(part('graph')?.bytes, null);
    assert.equal(part('others')?.bytes, null);
    assert.deepEqual(part('activation')?.range, [GIB, 2 * GIB]);
    assert.equal(part('weights')?.range, null);
  });

  it('knows no sum while no part is known', () => {
    const nothing = gpuPlan({
      weightsBytes: null,
      nonTorchBytes: null,
      activationBytes: null,
      graphBytes: null,
      kvCacheBytes: null,
    });
    assert.equal(plannedBytes(nothing), null);
  });
});

describe('the verdict in a sentence', () => {
  it('says the room of what fits', () => {
    assert.equal(
      verdictSentence(samplePlan(), 'vllm', null),
      'Room for 24,000 tokens: 2.9 requests of 8,192 at once.',
    );
  });

  it('tells weights that are too large from a context that is too long', () => {
    const weights = samplePlan({
      verdict: 'doesNotFit',
      perGpu: [gpuPlan({ weightsBytes: 26 * GIB, kvCacheBytes: 0 })],
    });
    assert.match(verdictSentence(weights, 'vllm', null), /^The weights alone take 26\.0 GiB/);
    const context = samplePlan({
      verdict: 'doesNotFit',
      kvCache: { ...samplePlan().kvCache, maxConcurrency: 0.4, longestThatFits: 3200 },
    });
    assert.match(
      verdictSentence(context, 'vllm', null),
      /cannot hold one request of 8,192 tokens\. The longest that fits is 3,200\.$/,
    );
  });

  it('ends a tight one with the planner’s own reason', () => {
    const steps = ['Weights: 14 GiB', 'Verdict: tight, GPU 0: less than the head room stays free'];
    assert.match(
      verdictSentence(samplePlan({ verdict: 'tight', steps }), 'vllm', null),
      /at once\. GPU 0: less than the head room stays free\.$/,
    );
  });

  it('never hides that Ollama would use the CPU', () => {
    const offload = { layersTotal: 33, layersOnGpu: 20, perGpu: [20], hostBytes: 3 * GIB };
    const partly = samplePlan({ verdict: 'tight', utilization: null, offload });
    assert.match(verdictSentence(partly, 'ollama', null), /^Only 20 of 33 layers fit on the GPU/);
    const none = { ...partly, offload: { ...offload, layersOnGpu: 0, perGpu: [0] } };
    assert.match(verdictSentence(none, 'ollama', null), /CPU without saying so/);
  });

  it('promises nothing without facts', () => {
    assert.match(
      verdictSentence(samplePlan({ verdict: 'unknown', perGpu: [] }), 'vllm', null),
      /no GPU/,
    );
  });
});

describe('words for settings', () => {
  it('describes a change as one reads it', () => {
    assert.equal(describeChange({ quantization: 'bitsandbytes' }), 'Quantization bitsandbytes');
    assert.equal(
      describeChange({ maxModelLen: 4096, enforceEager: true, gpuMemoryUtilization: 0.9 }),
      'Context 4,096, enforce eager, utilization 0.90',
    );
    assert.equal(describeChange({}), '');
  });

  it('groups a command by flag and quotes what a shell would split', () => {
    const groups = commandGroups({
      file: '/opt/my env/bin/vllm',
      args: ['serve', 'a/b', '--max-model-len', '8192', '--enforce-eager', '--x', "it's"],
      env: { CUDA_VISIBLE_DEVICES: '0' },
    });
    assert.deepEqual(groups, [
      'CUDA_VISIBLE_DEVICES=0',
      "'/opt/my env/bin/vllm' serve a/b",
      '--max-model-len 8192',
      '--enforce-eager',
      `--x 'it'\\''s'`,
    ]);
  });

  it('shows that a key or token is given, and not which', () => {
    const args = ['serve', 'a/b', '--api-key', 'one', 'two', '--api_key=three', '--seed', '1'];
    const env = { HF_TOKEN: 'hf_1', VLLM_API_KEY: 'four', VLLM_USE_V1: '1' };
    assert.deepEqual(commandGroups({ file: 'vllm', args, env }), [
      'HF_TOKEN=***',
      'VLLM_API_KEY=***',
      'VLLM_USE_V1=1',
      'vllm serve a/b',
      '--api-key *** ***',
      '--api_key=***',
      '--seed 1',
    ]);
  });

  it('finds the guidance for a size', () => {
    assert.equal(guidanceFor(1.1e9)?.range, '0.5–0.6');
    assert.equal(guidanceFor(7e9)?.range, '0.7–0.8');
    assert.equal(guidanceFor(70e9)?.range, '0.8–0.9');
    assert.equal(guidanceFor(null), null);
    assert.equal(parametersInName('Llama-3.2-1.1B-4bit'), 1.1e9);
    assert.equal(parametersInName('some-8bit-model'), null);
  });
});
