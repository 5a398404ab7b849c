/** What would bring every layer onto the GPUs, each change tried by planning again with it. */
import { formatBytes, formatCount } from '../../shared/units';
import type { Advice, Verdict } from '../../shared/planAnswer';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import type { OllamaMemory } from './ollamaMemory';
import type { OllamaSettings } from './ollamaSettings';
import { total, workOutAgain, type OllamaCase } from './workOut';

interface Candidate {
  readonly id: string;
  readonly change: PlanOptions;
  readonly why: string;
}

const ORDER: readonly Verdict[] = ['fits', 'tight', 'unknown', 'doesNotFit'];

/**
 * Best first; each with the bytes it saves. What failed here before is left out.
 * @param longest context with every layer on the GPUs, in tokens; null: not even the shortest
 */
export function adviseOllama(
  request: PlanRequest,
  worked: OllamaCase,
  longest: number | null,
): Advice[] {
  const { model, rules, settings, memory, verdict } = worked;
  const before = neededBytes(memory);
  const advice = candidates(settings, memory, longest).flatMap((candidate): Advice[] => {
    const options = { ...request.options, ...candidate.change };
    const again = workOutAgain({ ...request, options }, model, rules);
    // What failed here before is not proposed again, nor what this version refuses.
    if (again.learned?.failedAlike === true || again.settings.refusal !== null) return [];
    const saved = Math.round(before - neededBytes(again.memory));
    const gained = ORDER.indexOf(verdict) - ORDER.indexOf(again.verdict);
    // Less in sum may still be split so that it no longer fits: with fixed layers, or from several cards to one.
    if (gained < 0 || (gained === 0 && saved <= 0)) return [];
    return [
      {
        id: candidate.id,
        change: candidate.change,
        savesBytes: Math.max(0, saved),
        verdictAfter: again.verdict,
        why: `${candidate.why}: ${formatBytes(Math.max(0, saved))} less.`,
      },
    ];
  });
  // What helps comes first; among equals the change that takes least away keeps its place.
  return advice.sort((a, b) => ORDER.indexOf(a.verdictAfter) - ORDER.indexOf(b.verdictAfter));
}

/** All that the load takes, on GPUs and the host: moving a layer to the host saves nothing. */
function neededBytes(memory: OllamaMemory): number {
  const layout = memory.layoutAt('point');
  return layout.perGpu.reduce((sum, use) => sum + total(use), 0) + layout.hostBytes;
}

function candidates(
  settings: OllamaSettings,
  memory: OllamaMemory,
  longest: number | null,
): Candidate[] {
  const found: Candidate[] = [];
  const { numCtx, numParallel, cacheType, flashAttention } = settings;
  if (settings.numGpu !== null)
    found.push({
      id: 'automatic-layers',
      change: { numGpu: -1 },
      why: 'Let Ollama place the layers itself',
    });
  if (settings.refusal !== null)
    found.push({
      id: 'supported-kv-cache',
      change: { kvCacheType: 'f16' },
      why: `This version refuses to start: ${settings.refusal}; f16 always works`,
    });
  if (numParallel > 1)
    found.push({
      id: 'one-slot',
      change: { numParallel: 1 },
      why: `One slot instead of ${String(numParallel)}; requests then wait for each other`,
    });
  if (!flashAttention)
    found.push({
      id: 'flash-attention',
      change: { flashAttention: true },
      why: 'Flash attention keeps no score matrix',
    });
  for (const [type, cost] of [
    ['q8_0', 'hardly any loss of quality'],
    ['q4_0', 'a visible loss of quality at long contexts'],
  ] as const)
    if ((cacheType === 'f16' && !settings.refusal) || (cacheType === 'q8_0' && type === 'q4_0'))
      found.push({
        id: `kv-cache-${type.replace('_', '-')}`,
        change: { kvCacheType: type, flashAttention: true },
        why: `${type} for K and V, ${cost}`,
      });
  for (const length of shorterContexts(numCtx, longest))
    found.push({
      id: `context-${String(length)}`,
      change: { numCtx: length },
      why: `${formatCount(length)} tokens of context instead of ${formatCount(numCtx)}`,
    });
  if (memory.batch > 512)
    found.push({
      id: 'smaller-batch',
      change: { numBatch: 512 },
      why: `A batch of 512 instead of ${String(memory.batch)}; long prompts are read more slowly`,
    });
  return found;
}

/** The longest that fits, and the next power of two below it for some room. */
function shorterContexts(numCtx: number, longest: number | null): number[] {
  const reachable = Math.min(numCtx, longest ?? 0);
  const round = reachable > 0 ? 2 ** Math.floor(Math.log2(reachable)) : Math.max(2048, numCtx / 2);
  return [...new Set([reachable, round])].filter((length) => length >= 512 && length < numCtx);
}
