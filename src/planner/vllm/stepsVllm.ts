/** The arithmetic of a plan in words, in order. */
import { formatCount, formatGib } from '../../shared/units';
import { describeKnown } from '../knownProfiles';
import { decisionStep, profilesHere } from './guidance';
import { budgetBytes, checkedUtilization, fixedPool, poolBytes, reservation } from './budget';
import type { Demand } from './demand';
import type { KvCacheAmount } from './kvCache';
import { startCheckOf } from './startCheck';
import type { UtilizationChoice } from './utilization';
import type { VerdictReason } from './verdict';

/** One sentence a step, the verdict last. */
export function stepsOf(
  demand: Demand,
  choice: UtilizationChoice,
  amount: KvCacheAmount | null,
  outcome: VerdictReason,
): string[] {
  const { settings, weights, shape } = demand;
  const steps = [versionStep(demand)];
  for (const problem of shape?.problems ?? []) steps.push(`Ignored in the config: ${problem}`);
  if (choice.named) steps.push(...choice.named.steps);
  if (settings.cards.length === 0) {
    steps.push('No GPU given: nothing to fit it on', `Verdict: unknown, ${outcome.reason}`);
    return steps;
  }
  const card = settings.cards[0];
  if (card && card.cudaBytes !== card.totalBytes)
    steps.push(
      `CUDA sees ${formatGib(card.cudaBytes)} of the board's ${formatGib(card.totalBytes)}`,
    );
  if (card?.name == null) steps.push('Unnamed GPU: conservative defaults');
  steps.push(
    `Weights: ${formatGib(demand.weightsAt[0]?.bytes ?? null)} per GPU, from ${demand.learned?.measured.has('weights') === true ? 'an earlier start here' : weights.source}${parallelWords(demand)}`,
    activationStep(demand),
    `Non-torch memory: ${formatGib(demand.nonTorch.bytes)}; the server's own context of about ${formatGib(demand.context.bytes)} comes on top of the budget`,
    graphStep(demand),
    ...poolSteps(demand, choice),
    ...kvSteps(demand, amount),
    ...freeSteps(demand, choice),
    ...knownSteps(demand),
    `Verdict: ${outcome.verdict}, ${outcome.reason}`,
  );
  return steps;
}

function versionStep(demand: Demand): string {
  const { version, versionGiven, engine } = demand.settings;
  const given = versionGiven ? '' : ', the newest known, because none was given';
  return `vLLM ${version}${given}${engine === 'v0' ? ', engine V0' : ''}`;
}

function parallelWords(demand: Demand): string {
  const { tensorParallel: tp, pipelineParallel: pp } = demand.settings;
  const parts = [
    tp > 1 ? `tensor parallel ${String(tp)}` : '',
    pp > 1 ? `pipeline parallel ${String(pp)}` : '',
  ];
  const words = parts.filter(Boolean).join(', ');
  return words ? ` (${words})` : '';
}

function activationStep(demand: Demand): string {
  const { settings, shape, activation, learned } = demand;
  if (learned?.measured.has('activation') === true)
    return `Activation peak: ${formatGib(activation.bytes)}, measured by an earlier start here`;
  const vocab = shape?.vocab == null ? '' : ` × ${formatCount(shape.vocab)} logits`;
  return `Activation peak: ${formatGib(activation.bytes)} (${formatGib(activation.low)} to ${formatGib(activation.high)}), profiled with ${formatCount(settings.likelySeqs)} sequences${settings.likelySeqs < settings.maxNumSeqs ? ' (as the capture size tells)' : ''}${vocab} and ${formatCount(settings.maxNumBatchedTokens)} batched tokens${settings.vision ? ', images included' : ''}`;
}

function graphStep(demand: Demand): string {
  const { settings, graphs, graphsInside } = demand;
  if (settings.captureSizes === 0) return 'CUDA graphs: none';
  return `CUDA graphs: ${formatGib(graphs.bytes)} for batches up to ${String(settings.largestCapture)}, ${graphsInside ? 'inside' : 'outside'} the budget in this version`;
}

function poolSteps(demand: Demand, choice: UtilizationChoice): string[] {
  const { settings } = demand;
  const fixed = fixedPool(demand);
  if (fixed !== null) return [`KV pool: ${formatGib(fixed)} per GPU, as given`];
  const card = settings.cards[0];
  const budget = budgetBytes(demand, 0, choice.used);
  return [
    `Budget: ${choice.used.toFixed(2)} × ${formatGib(card?.cudaBytes ?? null)} = ${formatGib(budget)}${choice.auto ? ' (auto)' : ''}`,
    `KV pool: what is left, ${formatGib(Math.max(0, poolBytes(demand, 0, choice.used, 'bytes')))}`,
  ];
}

function kvSteps(demand: Demand, amount: KvCacheAmount | null): string[] {
  const { kv, settings, shape } = demand;
  if (!kv || !amount) {
    const rough = demand.roughPerToken?.bytes ?? 0;
    const model = (demand.weightsAt[0]?.bytes ?? 0) + rough * settings.maxModelLen;
    return [
      'KV layout not known: tokens are estimated from the size by the rule of thumb',
      decisionStep(model, settings.cards[0]?.cudaBytes ?? 1),
    ];
  }
  const [perBlock] = kv.layout.bytesPerBlock;
  const groups = kv.layout.groups.length;
  const steps = [
    `KV cache: ${formatCount(amount.blocks)} blocks of ${formatCount(perBlock ?? 0)} bytes${groups > 1 ? ` in ${String(groups)} groups` : ''}; a request of ${formatCount(settings.maxModelLen)} tokens takes ${formatCount(amount.blocksPerRequest)}: ${amount.maxConcurrency.toFixed(2)} at a time`,
  ];
  if (kv.stateGuessed)
    steps.push(
      'The config does not tell how large the recurrent state is: a typical one is taken, which changes the tokens little',
    );
  if (shape?.maxLength == null && settings.options.maxModelLen == null)
    steps.push(
      `The config names no length: ${formatCount(settings.maxModelLen)} tokens, as vLLM takes`,
    );
  return steps;
}

/** What is known of this model from starts, other people's and those on this machine. */
export function knownSteps(demand: Demand): string[] {
  const profiles = profilesHere({ request: demand.request, demand });
  return [
    ...profiles.map((profile) => `Known result: ${describeKnown(profile)}`),
    ...learnedSteps(demand),
  ];
}

/** What was learned, and from how many starts. */
function learnedSteps({ learned }: Demand): string[] {
  if (!learned) return [];
  const { measured, failed } = learned.lessons;
  const taken = [...learned.measured].map((term) => TERM_WORDS[term]).join(', ');
  const steps: string[] = [];
  if (taken)
    steps.push(
      `Learned here from ${startsInWords(measured.length)}: ${taken}; scaled where the settings differ`,
    );
  if (failed.length > 0)
    steps.push(`${startsInWords(failed.length)} of it ran out of memory here before`);
  return steps;
}

const startsInWords = (count: number): string =>
  count === 1 ? '1 earlier start' : `${String(count)} earlier starts`;

const TERM_WORDS = {
  weights: 'weights',
  activation: 'activation peak',
  graphs: 'CUDA graphs',
  nonTorch: 'non-torch memory',
} as const;

function freeSteps(demand: Demand, choice: UtilizationChoice): string[] {
  const { safetyBufferBytes, ollamaReason } = demand.request.coexistence ?? {};
  const steps: string[] = [];
  const kept = Math.max(0, ...demand.settings.cards.map((_, gpu) => reservation(demand, gpu)));
  if (kept > 0)
    steps.push(`Kept for Ollama: ${formatGib(kept)}${ollamaReason ? ` (${ollamaReason})` : ''}`);
  if (safetyBufferBytes) steps.push(`Head room to stay free: ${formatGib(safetyBufferBytes)}`);
  if (demand.settings.cards.some((card) => card.freeBytes === null))
    return [...steps, 'Free memory not known: the check against it is left out'];
  const check = startCheckOf(demand, checkedUtilization(demand, choice.used), choice.smallest);
  return check ? [...steps, check.sentence] : steps;
}
