/** What a vLLM start prints about its own settings, as the options of a request. */
import type { PlanOptions } from '../../shared/planRequest';
import type { LineFinding } from '../logRules';
import { parsePythonPairs } from './pythonRepr';

const numbers: Readonly<Record<string, keyof PlanOptions>> = {
  gpu_memory_utilization: 'gpuMemoryUtilization',
  kv_cache_memory_bytes: 'kvCacheMemoryBytes',
  max_model_len: 'maxModelLen',
  max_seq_len: 'maxModelLen',
  max_num_seqs: 'maxNumSeqs',
  max_num_batched_tokens: 'maxNumBatchedTokens',
  tensor_parallel_size: 'tensorParallelSize',
  pipeline_parallel_size: 'pipelineParallelSize',
  data_parallel_size: 'dataParallelSize',
  block_size: 'blockSize',
  cpu_offload_gb: 'cpuOffloadGb',
};
const words: Readonly<Record<string, keyof PlanOptions>> = {
  quantization: 'quantization',
  kv_cache_dtype: 'kvCacheDtype',
  load_format: 'loadFormat',
};
const switches: Readonly<Record<string, keyof PlanOptions>> = {
  enforce_eager: 'enforceEager',
  enable_prefix_caching: 'enablePrefixCaching',
  enable_lora: 'enableLora',
};

/** From `non-default args: {…}`, `args: Namespace(…)` and `Initializing … with config: …`. */
export function launchFromPairs(text: string): LineFinding {
  const pairs = parsePythonPairs(text);
  const options: Record<string, number | string | boolean> = {};
  for (const [key, value] of pairs) {
    const name = numbers[key] ?? words[key] ?? switches[key];
    if (name === undefined || value === null || value === undefined) continue;
    const fits =
      key in numbers
        ? typeof value === 'number'
        : typeof value === 'string' || typeof value === 'boolean';
    if (fits) options[name] = value;
  }
  const dtype = pairs.get('dtype');
  if (typeof dtype === 'string') options.dtype = dtype.replace(/^torch\./, '');
  const model = pairs.get('model') ?? pairs.get('model_tag');
  return { options, ...(typeof model === 'string' && { model }) };
}

/** From a command line that was copied into the log: `vllm serve MODEL --max-model-len 8192`. */
export function launchFromCommand(command: string): LineFinding {
  const tokens = command.trim().split(/\s+/);
  const options: Record<string, number | string | boolean> = {};
  let model: string | undefined;
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] ?? '';
    if (!token.startsWith('--')) {
      if (index === 0) model = token;
      continue;
    }
    const [flag = '', inline] = token.slice(2).split('=');
    const key = flag.replaceAll('-', '_');
    const next = tokens[index + 1];
    const value = inline ?? (next?.startsWith('--') === false ? next : undefined);
    const name = numbers[key] ?? words[key] ?? switches[key];
    if (key in switches) options[name ?? key] = true;
    else if (key === 'dtype' && value !== undefined) options.dtype = value;
    else if (name !== undefined && value !== undefined) {
      const typed = key in numbers ? Number(value) : value;
      if (typeof typed === 'string' || Number.isFinite(typed)) options[name] = typed;
    }
    if (inline === undefined && value !== undefined) index += 1;
  }
  return { options, ...(model !== undefined && { model }) };
}
