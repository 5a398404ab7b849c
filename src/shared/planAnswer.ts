/** What the planner answers. Bytes are integers, per GPU unless said; unknown is `null`, never 0. */
import type { PlanOptions } from './planRequest';

export type Verdict = 'fits' | 'tight' | 'doesNotFit' | 'unknown';
export type Basis = 'learned' | 'headers' | 'config' | 'gguf' | 'name' | 'default';

export interface GpuPlan {
  readonly index: number;
  readonly totalBytes: number;
  readonly freeBytes: number | null;
  readonly budgetBytes: number | null;
  readonly weightsBytes: number | null;
  readonly nonTorchBytes: number | null;
  readonly activationBytes: number | null;
  readonly graphBytes: number | null;
  readonly kvCacheBytes: number | null;
  /** free (or total) − budget; the only part that may be negative */
  readonly leftBytes: number | null;
}

export interface KvCachePlan {
  readonly totalBytes: number | null;
  readonly bytesPerToken: number | null;
  readonly blockSize: number | null;
  readonly blocks: number | null;
  readonly tokens: number | null;
  readonly maxConcurrency: number | null;
  readonly atLength: number | null;
  readonly longestThatFits: number | null;
}

/** A share of the card in its three units; bytes of the GPU with the smallest pool. */
export interface UtilizationMark {
  readonly share: number;
  /** What vLLM claims of the card. */
  readonly budgetBytes: number;
  readonly kvCacheBytes: number;
  readonly tokens: number | null;
  /** Requests of full length side by side. */
  readonly maxConcurrency: number | null;
}

export type MarkName = 'smallest' | 'recommended' | 'beside' | 'largest';

export interface UtilizationPlan {
  readonly effective: number | null;
  readonly smallest: number | null;
  readonly largest: number | null;
  readonly recommended: number | null;
  /** Largest that leaves the head room, and what is kept for Ollama, of what is free now; null: free is not known. */
  readonly beside?: number | null;
  readonly rule: 'exact' | 'name';
  /** What the shares mean; null where the share is. */
  readonly marks?: Readonly<Record<MarkName, UtilizationMark | null>>;
}

export interface OffloadPlan {
  readonly layersTotal: number;
  readonly layersOnGpu: number;
  readonly perGpu: readonly number[];
  readonly hostBytes: number | null;
}

/** Lower and upper bound, inclusive. */
export type Range = readonly [number, number];

export interface Advice {
  readonly id: string;
  readonly change: PlanOptions;
  readonly savesBytes: number | null;
  readonly verdictAfter: Verdict;
  readonly why: string;
}

/** Exactly what Deploy would run. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Running servers whose end would make room; only our own are ever proposed, never a pinned one. */
export interface MustStop {
  /** The smallest set, idle ones first; empty: stopping our own is not enough. */
  readonly servers: readonly {
    readonly id: string;
    readonly title: string;
    readonly usedBytes: number;
    readonly idle: boolean | null;
  }[];
  /** On all GPUs together. */
  readonly freesBytes: number;
  readonly verdictAfter: Verdict;
  /** Has to be free on each GPU of the plan. */
  readonly neededFreeBytes: number;
  /** Who else holds memory there, largest first: named, never stopped. */
  readonly others: readonly { readonly title: string; readonly usedBytes: number }[];
  /** All of that in words. */
  readonly text: string;
}

/** A plan without its command: what `planner/` computes. `engines/<engine>/command` adds the command. */
export interface Plan {
  readonly verdict: Verdict;
  readonly basis: Basis;
  readonly engineVersion: string;
  readonly perGpu: readonly GpuPlan[];
  readonly kvCache: KvCachePlan;
  readonly utilization: UtilizationPlan | null;
  readonly offload: OffloadPlan | null;
  readonly ranges: Readonly<Record<string, Range>>;
  readonly advice: readonly Advice[];
  readonly steps: readonly string[];
  /** Of the steps, those that come from starts of this model: known results, and what was learned here. */
  readonly known?: readonly string[];
  /** null or absent: nothing has to stop, it would not help, or the request names nobody (`running`). */
  readonly mustStop?: MustStop | null;
}

export interface PlanAnswer extends Plan {
  readonly command: Command;
}
