/** The verdict as one sentence that says which kind of shortage it is: weights, context, or memory in use now. */
import { formatCount, formatGib } from '../src/shared/units';
import type { EngineId } from '../src/shared/planRequest';
import type { Plan } from '../src/shared/planAnswer';
import type { Shortfall } from './shortfall';
import { formatRequests, formatShare, tightestGpu } from './scales';
import { capitalised, engineNames, optionName } from './words';

export function verdictSentence(plan: Plan, engine: EngineId, shortfall: Shortfall | null): string {
  if (plan.verdict === 'unknown') {
    return plan.perGpu.length === 0
      ? 'There is no GPU to plan for.'
      : 'Neither the size nor the layout of this model is known, so nothing is promised.';
  }
  return engine === 'vllm' ? vllmSentence(plan, shortfall) : ollamaSentence(plan);
}

function vllmSentence(plan: Plan, shortfall: Shortfall | null): string {
  const gpu = tightestGpu(plan);
  const { tokens, atLength, maxConcurrency, longestThatFits } = plan.kvCache;
  if (plan.verdict === 'doesNotFit') {
    if (gpu?.budgetBytes != null && gpu.weightsBytes !== null && gpu.kvCacheBytes === 0) {
      const share = formatGib(gpu.budgetBytes, 1);
      return gpu.weightsBytes >= gpu.budgetBytes
        ? `The weights alone take ${formatGib(gpu.weightsBytes, 1)}; this share is ${share}.`
        : `Weights (${formatGib(gpu.weightsBytes, 1)}) and overheads leave nothing of this share (${share}) for the KV cache.`;
    }
    if (atLength !== null && maxConcurrency !== null && maxConcurrency < 1) {
      const longest =
        longestThatFits !== null && longestThatFits > 0
          ? ` The longest that fits is ${formatCount(longestThatFits)}.`
          : '';
      return `The weights fit, but the KV cache cannot hold one request of ${formatCount(atLength)} tokens.${longest}`;
    }
    if (shortfall?.kind === 'takesOllamas') {
      return `It would start, but takes ${formatGib(shortfall.missingBytes)} that are kept for Ollama.`;
    }
    if (shortfall !== null) {
      return `It would fit the card, but ${formatGib(shortfall.missingBytes)} more must be free to start.`;
    }
    return reasonIn(plan) ?? 'It needs more than this share of the card.';
  }
  const room =
    tokens === null
      ? 'The weights and one request have their place.'
      : `Room for ${formatCount(tokens)} tokens${
          maxConcurrency === null || atLength === null
            ? ''
            : `: ${formatRequests(maxConcurrency)} requests of ${formatCount(atLength)} at once`
        }.`;
  if (plan.verdict === 'fits') return room;
  return `${room} ${reasonIn(plan) ?? 'It may fail at the unfavourable end of the estimate.'}`;
}

/** The planner ends its steps with "Verdict: tight, most likely: …": the reason in its own words. */
function reasonIn(plan: Plan): string | null {
  const reason = /^Verdict: \w+, (.+)$/.exec(plan.steps.at(-1) ?? '')?.[1];
  return reason === undefined ? null : `${capitalised(reason).replace(/\.$/, '')}.`;
}

function ollamaSentence(plan: Plan): string {
  const { offload } = plan;
  if (offload !== null && offload.layersOnGpu < offload.layersTotal) {
    const host =
      offload.hostBytes === null ? '' : `, ${formatGib(offload.hostBytes, 1)} in system memory`;
    return offload.layersOnGpu === 0
      ? `No layer fits on the GPU: ${engineNames.ollama} would run it on the CPU without saying so${host}.`
      : `Only ${offload.layersOnGpu} of ${offload.layersTotal} layers fit on the GPU${host}: answers will be several times slower.`;
  }
  const length = plan.kvCache.atLength;
  const context = length === null ? '' : ` with ${formatCount(length)} tokens of context`;
  if (plan.verdict === 'doesNotFit') return `It does not fit on the GPU${context}.`;
  return `All layers stay on the GPU${context}.${plan.verdict === 'tight' ? ' Little is left beside it.' : ''}`;
}

/** `{ quantization: 'bitsandbytes', maxModelLen: 4096 }` → `"Quantization bitsandbytes, context 4,096"`. */
export function describeChange(change: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(change).map(([key, value]) => {
    const name = optionName(key);
    if (value === true) return name;
    if (value === false) return `no ${name}`;
    if (key === 'gpuMemoryUtilization' && typeof value === 'number') {
      return `${name} ${formatShare(value)}`;
    }
    if (typeof value === 'number') return `${name} ${formatCount(value)}`;
    return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  return capitalised(parts.join(', '));
}
