/** Which layers have a sliding window where a GGUF file doesn't say, as llama.cpp's loaders assume it per architecture. */

interface SlidingDefault {
  /** One full-attention layer in how many: the last of each group. */
  readonly every: number;
  /** The first of each group is the full one instead. */
  readonly fullFirst?: boolean;
  /** Tokens, where the file names no window; absent: such a file has none. */
  readonly window?: number;
  /** Only with exactly so many layers. */
  readonly onlyBlocks?: number;
}

const DEFAULTS: Readonly<Record<string, SlidingDefault>> = {
  gemma2: { every: 2, window: 4096 },
  gemma3: { every: 6 },
  gemma3n: { every: 5 },
  gemma4: { every: 6 },
  gptoss: { every: 2 },
  'gpt-oss': { every: 2 },
  llama4: { every: 4, window: 8192 },
  cohere2: { every: 4 },
  cohere2moe: { every: 4, fullFirst: true },
  // the 32B; its small sister has the key too, and no windows
  exaone4: { every: 4, window: 4096, onlyBlocks: 64 },
  'exaone-moe': { every: 4, window: 128 },
  olmo2: { every: 4 },
  olmo3: { every: 4 },
  afmoe: { every: 4 },
  smallthinker: { every: 4, fullFirst: true },
  plamo3: { every: 8 },
  mellum: { every: 4 },
  laguna: { every: 4, fullFirst: true },
};

/** Tokens; null: none, or not known. `stated`: the file's own figure. */
export function slidingWindow(
  architecture: string,
  blocks: number,
  stated: number | null,
): number | null {
  const known = DEFAULTS[architecture];
  if (known?.onlyBlocks !== undefined && known.onlyBlocks !== blocks) return null;
  return stated ?? known?.window ?? null;
}

/** True for each layer with the window; null where nobody knows. `period`: the file's own figure. */
export function slidingLayers(
  architecture: string,
  blocks: number,
  period: number | null,
): readonly boolean[] | null {
  const known = DEFAULTS[architecture];
  const every = period ?? known?.every;
  if (every === undefined) return null;
  const full = known?.fullFirst === true ? 0 : every - 1;
  return Array.from({ length: blocks }, (_, layer) => layer % every !== full);
}
