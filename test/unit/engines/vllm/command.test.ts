import assert from 'node:assert/strict';
import type { CommandSettings } from '../../../../src/engines/engine';
import { checkArguments } from '../../../../src/engines/vllm/arguments';
import { vllmCommand } from '../../../../src/engines/vllm/command';
import { describePython } from '../../../../src/engines/vllm/python';
import { toolParserFor } from '../../../../src/engines/vllm/toolParsers';
import type { Plan } from '../../../../src/shared/planAnswer';
import { parsePlanRequest, type PlanRequest } from '../../../../src/shared/planRequest';

const settings: CommandSettings = {
  file: 'vllm',
  host: '127.0.0.1',
  port: 8001,
  servedModelName: null,
  extraArguments: [],
  environment: { HF_HUB_OFFLINE: '1' },
};

function requestOf(model: object, options: object = {}, engineVersion = '0.19.1'): PlanRequest {
  const parsed = parsePlanRequest({ engine: 'vllm', engineVersion, model, options });
  assert.ok(parsed.ok);
  return parsed.value;
}

function planWith(effective: number | null): Plan {
  const unknown = { effective, smallest: null, largest: null, recommended: null };
  return {
    verdict: 'fits',
    basis: 'headers',
    engineVersion: '0.19.1',
    perGpu: [],
    kvCache: {
      totalBytes: null,
      bytesPerToken: null,
      blockSize: null,
      blocks: null,
      tokens: null,
      maxConcurrency: null,
      atLength: null,
      longestThatFits: null,
    },
    utilization: { ...unknown, rule: 'exact' },
    offload: null,
    ranges: {},
    advice: [],
    steps: [],
  };
}

const argsOf = (request: PlanRequest, effective: number | null = 0.85, more = {}) =>
  vllmCommand(request, planWith(effective), { ...settings, ...more }).args;

/** The value after a flag; undefined where the flag is missing. */
const valueOf = (args: readonly string[], flag: string) =>
  args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;

describe('vllm command', () => {
  it('says where, under which name and with which share', () => {
    const request = requestOf({ name: 'org/plain-7b' }, { maxModelLen: 8192, dtype: 'auto' });
    assert.deepEqual(vllmCommand(request, planWith(0.85), settings), {
      file: 'vllm',
      args: [
        'serve',
        'org/plain-7b',
        '--host',
        '127.0.0.1',
        '--port',
        '8001',
        '--served-model-name',
        'org/plain-7b',
        '--gpu-memory-utilization',
        '0.85',
        '--max-model-len',
        '8192',
      ],
      env: { HF_HUB_OFFLINE: '1' },
    });
  });

  it('takes what auto settled on, and no share where the KV size is fixed', () => {
    const auto = requestOf({ name: 'm' }, { gpuMemoryUtilization: 0 });
    assert.equal(valueOf(argsOf(auto, 0.58), '--gpu-memory-utilization'), '0.58');
    const fixed = requestOf(
      { name: 'm' },
      { kvCacheMemoryBytes: 2 ** 30, gpuMemoryUtilization: 0.9 },
    );
    const args = argsOf(fixed);
    assert.equal(valueOf(args, '--kv-cache-memory-bytes'), '1073741824');
    assert.ok(!args.includes('--gpu-memory-utilization'));
  });

  it('says no option twice that stands in the arguments, in whatever form', () => {
    const options = {
      tensorParallelSize: 2,
      kvCacheMemoryBytes: 2 ** 30,
      enableExpertParallel: true,
    };
    const extraArguments = ['-tp', '2', '--kv_cache_memory_bytes=1G', '-ep'];
    const args = argsOf(requestOf({ name: 'm' }, options), 0.7, { extraArguments });
    assert.deepEqual(args.slice(-4), extraArguments);
    assert.equal(args.length, 12, args.join(' '));
  });

  it('emits no flag for what every version does anyway', () => {
    const usual = requestOf(
      { name: 'm' },
      { tensorParallelSize: 1, enforceEager: false, kvCacheDtype: 'auto', maxNumSeqs: null },
    );
    assert.equal(argsOf(usual).length, 10);
  });

  it('writes switches, their opposite and JSON as vLLM reads them', () => {
    const args = argsOf(
      requestOf(
        { name: 'm' },
        {
          enforceEager: true,
          enablePrefixCaching: false,
          enableLora: true,
          maxLoras: 2,
          speculativeConfig: { method: 'ngram', num_speculative_tokens: 3 },
          limitMmPerPrompt: { image: 2 },
        },
      ),
    );
    assert.ok(args.includes('--enforce-eager') && args.includes('--no-enable-prefix-caching'));
    assert.equal(valueOf(args, '--max-loras'), '2');
    assert.equal(valueOf(args, '--limit-mm-per-prompt'), '{"image":2}');
    assert.deepEqual(JSON.parse(valueOf(args, '--speculative-config') ?? ''), {
      method: 'ngram',
      num_speculative_tokens: 3,
    });
  });

  it('follows the version: renamed, missing and extra flags', () => {
    const graphs = {
      maxCudagraphCaptureSize: 64,
      speculativeConfig: { a: 1 },
      quantization: 'bitsandbytes',
    };
    const at = (version: string) => argsOf(requestOf({ name: 'm' }, graphs, version));
    assert.equal(valueOf(at('0.10.0'), '--cuda-graph-sizes'), '64');
    assert.equal(valueOf(at('0.12.0'), '--max-cudagraph-capture-size'), '64');
    assert.ok(!at('0.8.1').includes('--speculative-config'));
    assert.equal(valueOf(at('0.8.1'), '--load-format'), 'bitsandbytes');
    assert.ok(!at('0.8.2').includes('--load-format'));
    const limits = requestOf({ name: 'm' }, { limitMmPerPrompt: { image: 2, video: 1 } }, '0.7.3');
    assert.equal(valueOf(argsOf(limits), '--limit-mm-per-prompt'), 'image=2,video=1');
  });

  it('emits only flags that the version takes, for every option and era', () => {
    const everything = {
      maxModelLen: 4096,
      maxNumSeqs: 8,
      maxNumBatchedTokens: 2048,
      tensorParallelSize: 2,
      pipelineParallelSize: 2,
      dtype: 'half',
      quantization: 'bitsandbytes',
      kvCacheDtype: 'fp8',
      enforceEager: true,
      blockSize: 32,
      enablePrefixCaching: true,
      cpuOffloadGb: 4,
      maxCudagraphCaptureSize: 64,
      speculativeConfig: { method: 'ngram' },
      enableLora: true,
      maxLoras: 1,
      maxLoraRank: 16,
      decodeContextParallelSize: 2,
      dataParallelSize: 2,
      enableExpertParallel: true,
      limitMmPerPrompt: { image: 1 },
      languageModelOnly: true,
    };
    for (const version of [
      '0.6.1',
      '0.6.6',
      '0.7.3',
      '0.8.1',
      '0.8.5',
      '0.9.2',
      '0.10.1',
      '0.10.2',
      '0.11.0',
      '0.12.0',
      '0.16.0',
      '0.20.1',
      '0.28.0',
      '0.32.0',
    ]) {
      const name = 'Qwen/Qwen3-8B';
      for (const options of [everything, { ...everything, kvCacheMemoryBytes: 2 ** 30 }]) {
        const args = argsOf(requestOf({ name }, options, version));
        const blocking = checkArguments(args.slice(2), version).filter((one) => one.blocking);
        assert.deepEqual(blocking, [], version);
      }
    }
  });

  it('names the Hub model for a copy in the cache, and the folder name for a folder', () => {
    const cached = '/home/u/.cache/huggingface/hub/models--Qwen--Qwen3-4B/snapshots/abc123';
    assert.equal(argsOf(requestOf({ path: cached }))[1], 'Qwen/Qwen3-4B');
    const folder = argsOf(requestOf({ name: 'mine', path: '/models/my-model/' }));
    assert.equal(folder[1], '/models/my-model/');
    assert.equal(valueOf(folder, '--served-model-name'), 'my-model');
    const named = argsOf(requestOf({ name: 'm' }), 0.9, { servedModelName: 'chat' });
    assert.equal(valueOf(named, '--served-model-name'), 'chat');
  });

  it('never serves under a path: relative ones are named like absolute ones', () => {
    for (const [path, served] of [
      ['./my-model', 'my-model'],
      ['../my-model/', 'my-model'],
      ['models/my-model', 'my-model'],
      ['models\\my-model', 'my-model'],
      ['.', 'read-name'],
      ['..', 'read-name'],
    ]) {
      const args = argsOf(requestOf({ name: 'read-name', path }));
      assert.equal(args[1], path);
      assert.equal(valueOf(args, '--served-model-name'), served, path);
    }
  });

  it('leaves out a planned flag that the user gives too', () => {
    const extraArguments = ['--max_model_len=4096', '--no-enable-prefix-caching'];
    const request = requestOf({ name: 'm' }, { maxModelLen: 8192, enablePrefixCaching: true });
    const args = argsOf(request, 0.9, { extraArguments });
    assert.ok(!args.includes('--max-model-len') && !args.includes('--enable-prefix-caching'));
    assert.deepEqual(args.slice(-2), extraArguments);
  });

  it('turns tool calling on for chat models of known families only', () => {
    const tools = (name: string, version: string | null = '0.19.1') => toolParserFor(name, version);
    assert.equal(tools('Qwen/Qwen2.5-7B-Instruct'), 'hermes');
    assert.equal(tools('Qwen/Qwen3-4B'), 'hermes');
    assert.equal(tools('/models/Meta-Llama-3.1-8B-Instruct'), 'llama3_json');
    assert.equal(tools('mistralai/Mistral-7B-Instruct-v0.3'), 'mistral');
    assert.equal(tools('Qwen/Qwen3-Coder-30B-A3B-Instruct'), 'qwen3_coder');
    for (const name of [
      'Qwen/Qwen3-4B-Base',
      'Qwen/Qwen2.5-7B',
      'Qwen/Qwen3-Embedding-0.6B',
      'meta-llama/Llama-3.1-8B',
      'facebook/opt-125m',
    ])
      assert.equal(tools(name), null, name);
    assert.equal(tools('Qwen/Qwen3-Coder-30B-A3B-Instruct', '0.9.0'), null);
    const args = argsOf(requestOf({ name: 'Qwen/Qwen3-4B' }));
    assert.ok(args.includes('--enable-auto-tool-choice'));
    assert.equal(valueOf(args, '--tool-call-parser'), 'hermes');
  });

  it('leaves tool calling to the user who sets it, and puts extra arguments last', () => {
    const extraArguments = ['--tool_call_parser', 'xlam', '--seed', '1'];
    const args = argsOf(requestOf({ name: 'Qwen/Qwen3-4B' }), 0.9, { extraArguments });
    assert.deepEqual(args.slice(-4), extraArguments);
    assert.ok(!args.includes('hermes'));
  });

  it('describes the same launch in Python', () => {
    const request = requestOf(
      { name: 'Qwen/Qwen3-4B' },
      {
        maxModelLen: 2048,
        enforceEager: true,
        limitMmPerPrompt: { image: 1 },
        enablePrefixCaching: false,
      },
    );
    const python = describePython(request, planWith(0.8));
    assert.match(python, /^from vllm import LLM\n/);
    for (const line of [
      'model="Qwen/Qwen3-4B",',
      'gpu_memory_utilization=0.8,',
      'max_model_len=2048,',
      'enforce_eager=True,',
      'enable_prefix_caching=False,',
      'limit_mm_per_prompt={"image": 1},',
      'disable_log_stats=True,',
    ])
      assert.ok(python.includes(`    ${line}\n`), line);
  });
});
