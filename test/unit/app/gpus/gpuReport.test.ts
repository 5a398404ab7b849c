import assert from 'node:assert/strict';
import { gpuReport } from '../../../../src/app/gpus/gpuReport';
import {
  fakeContext,
  gpuOf,
  holderOf,
  sampleOf,
  type FakeContext,
} from '../../../support/fakePorts';

function watching(): FakeContext {
  const context = fakeContext();
  context.gpuNow = sampleOf({
    gpus: [gpuOf({ freeBytes: null }), gpuOf({ index: 1, totalBytes: null })],
  });
  void context.lookAtGpus();
  return context;
}

describe('the GPU report', () => {
  it('shows figures with their age, holders on their card, unknown as unknown', () => {
    const context = watching();
    const holders = [holderOf({ usedBytes: null, gpus: [0] })];
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    const text = gpuReport(context.store.state(), context.clock.now() + 7_000);
    assert.match(text, /7 s old/);
    assert.match(text, /used 1\.00 GiB of 24\.00 GiB, free unknown/);
    assert.match(text, /PID 100, unknown, stranger: not started from here/);
    assert.equal(text.match(/No process is listed/g)?.length, 1);
    assert.doesNotMatch(text, /Simulated/);
  });

  it('says why there is nothing, and what is made up', () => {
    const context = fakeContext();
    context.store.dispatch({ type: 'samplingFailed', text: 'driver lost', atMs: 1 });
    assert.match(gpuReport(context.store.state(), 1), /Not answering: driver lost/);
    context.store.dispatch({ type: 'noGpuTool' });
    assert.match(gpuReport(context.store.state(), 1), /No GPU tool/);
    const sample = sampleOf();
    context.store.dispatch({ type: 'sampled', sample, atMs: 1, simulated: true, warnPercent: 85 });
    assert.match(gpuReport(context.store.state(), 1), /Simulated GPU/);
  });
});
