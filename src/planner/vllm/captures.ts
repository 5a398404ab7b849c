/** Which batch sizes get a CUDA graph: the lists that vLLM's releases make themselves (test/fixtures/facts, 0.9.0.1 on). */
import type { VllmRules } from './rules';

export interface CaptureQuestion {
  readonly rules: VllmRules;
  readonly engine: 'v0' | 'v1';
  /** `--max-cudagraph-capture-size`, or `--cuda-graph-sizes` of before; null: not given. */
  readonly asked: number | null;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  /** Draft tokens per sequence and step. */
  readonly speculativeTokens: number;
  readonly isGptOss: boolean;
  /** Compute capability 10: B200, GB300 … */
  readonly isDataCentreBlackwell: boolean;
}

/** Ascending; empty only where graphs are off (`asked` 0). */
export function captureSizesOf(question: CaptureQuestion): number[] {
  const { rules, asked, engine, maxNumSeqs, maxNumBatchedTokens: tokens } = question;
  if (asked === 0) return [];
  // Explicit sizes of up to 0.11.0 were no limit for the three smallest.
  const smallest = [1, 2, 4];
  if (engine === 'v0') return listUpTo(Math.min(maxNumSeqs, V0_LARGEST), 'fine', [1, 2, 4]);
  const decodeLength = 1 + question.speculativeTokens;
  const largest = asked ?? defaultLargest(question, decodeLength);
  if (rules.captureStep === 'fine')
    return listUpTo(largest, isOverridden(question) ? 'coarse' : 'fine', smallest).filter(
      (size) => size <= tokens,
    );
  const limit = Math.min(largest, tokens);
  const sizes = new Set(
    listUpTo(
      limit,
      'coarse',
      smallest.filter((size) => size <= limit),
    ),
  );
  if (rules.capturesTokens && tokens <= limit) sizes.add(tokens);
  if (asked === null && !isOverridden(question))
    for (const size of decodeSizes(question, decodeLength, largest))
      if (size <= tokens) sizes.add(size);
  return [...sizes].sort((a, b) => a - b);
}

const V0_LARGEST = 256;

const isOverridden = ({ rules, asked, isGptOss }: CaptureQuestion): boolean =>
  isGptOss && rules.gptOssCapture !== null && asked === null;

function defaultLargest(question: CaptureQuestion, decodeLength: number): number {
  const { rules, maxNumSeqs, isDataCentreBlackwell } = question;
  if (isOverridden(question)) return rules.gptOssCapture ?? 512;
  const most = isDataCentreBlackwell && rules.blackwellCaptures ? 1024 : 512;
  switch (rules.capturesBy) {
    case 'fixed':
      return most;
    case 'sequences':
      return Math.min(2 * maxNumSeqs, most);
    case 'decodeTokens':
      return Math.min(2 * maxNumSeqs * decodeLength, most);
  }
}

/** Whole decode batches, so that none falls between two steps. */
function decodeSizes(
  { rules, maxNumSeqs, isDataCentreBlackwell }: CaptureQuestion,
  decodeLength: number,
  largest: number,
): number[] {
  if (decodeLength === 1)
    return rules.capturesDecodes === 'all' && maxNumSeqs <= largest ? [maxNumSeqs] : [];
  if (rules.capturesDecodes === 'none') return [];
  const requests = Math.min(maxNumSeqs, isDataCentreBlackwell ? 1024 : 512);
  return [
    ...listUpTo(
      requests,
      'coarse',
      [1, 2, 4].filter((count) => count <= requests),
    ),
    requests,
  ]
    .map((count) => count * decodeLength)
    .filter((size) => size <= largest);
}

/** The smallest, then every 8, from 256 on every 16 where the steps are coarse. */
function listUpTo(largest: number, step: 'fine' | 'coarse', smallest: readonly number[]): number[] {
  const sizes = [...smallest];
  for (let size = 8; size <= largest; size += step === 'coarse' && size >= 256 ? 16 : 8)
    sizes.push(size);
  return sizes;
}
