import assert from 'node:assert/strict';
import { readVllmMetrics } from '../../../../src/engines/vllm/metrics';
import { describeWithData, readDataText } from '../../../support/sharedData';

describe('vllm api', () => {
  it('reads gauges by their whole name, and adds up engines', () => {
    const metrics = readVllmMetrics(
      [
        '# HELP vllm:num_requests_running x',
        'vllm:num_requests_running{engine="0"} 2.0',
        'vllm:num_requests_running{engine="1"} 1.0',
        'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0',
        'vllm:num_requests_waiting{engine="0"} 4.0',
        'vllm:gpu_cache_usage_perc{model_name="a"} 0.25',
        'vllm:cache_config_info{block_size="16",num_gpu_blocks="100",gpu_memory_utilization="0.9"} 1.0',
        'vllm:prompt_tokens_total NaN',
      ].join('\n'),
    );
    assert.equal(metrics.runningRequests, 3);
    assert.equal(metrics.waitingRequests, 4);
    assert.equal(metrics.kvCacheUsage, 0.25);
    assert.equal(metrics.kvCacheTokens, 1600);
    assert.equal(metrics.promptTokens, null);
    assert.equal(readVllmMetrics('').runningRequests, null);
  });
});

describeWithData('vllm api against recorded answers', () => {
  it('reads a saturated server', () => {
    const metrics = readVllmMetrics(readDataText('vllm-cpu-runs', 'metrics-saturated.txt'));
    assert.deepEqual(
      [
        metrics.runningRequests,
        metrics.waitingRequests,
        metrics.kvCacheTokens,
        metrics.kvCacheBlocks,
        metrics.blockSize,
        metrics.maxConcurrency,
        metrics.gpuMemoryUtilization,
      ],
      [3, 7, 1024, 8, 128, 4, 0.92],
    );
    console.log('      1 recorded answer');
  });
});
