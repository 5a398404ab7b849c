/**
 * What changed in Ollama's memory behaviour, as dated data: three eras of placement, defaults, and which architectures
 * its own engine took over. Sources: Ollama's tags 0.5.13 … 0.33.0-rc2 and the logs of real loads.
 */

/** Newest release whose behaviour was read; `engineVersion: null` means this one. */
const NEWEST_OLLAMA_VERSION = '0.33.0';

/**
 * Who decides where layers go.
 * - `estimate`: a formula before the load (`llm/memory.go`)
 * - `layout`: the engine's measured sizes laid out by the server; other architectures bring the same formula's figures
 * - `fit`: llama-server's own `--fit`
 */
export type OllamaEra = 'estimate' | 'layout' | 'fit';

type VersionParts = readonly [number, number, number];

interface Since<T> {
  readonly from: VersionParts;
  readonly value: T;
}

const ERAS: readonly Since<OllamaEra>[] = [
  { from: [0, 0, 0], value: 'estimate' },
  { from: [0, 11, 11], value: 'layout' },
  { from: [0, 30, 0], value: 'fit' },
];

/** `tiered`: by the total memory of all GPUs, see {@link CONTEXT_TIERS}. */
const DEFAULT_CONTEXT: readonly Since<number | 'tiered'>[] = [
  { from: [0, 0, 0], value: 2048 },
  { from: [0, 6, 7], value: 4096 },
  { from: [0, 15, 5], value: 'tiered' },
];

/** Tokens by total GPU memory in GiB, largest first. */
export const CONTEXT_TIERS: readonly { readonly fromGib: number; readonly tokens: number }[] = [
  { fromGib: 47, tokens: 262144 },
  { fromGib: 23, tokens: 32768 },
  { fromGib: 0, tokens: 4096 },
];

/** Slots that the scheduler tries first when nothing is set; it falls back to 1 where they don't fit. */
const FIRST_PARALLEL: readonly Since<number>[] = [
  { from: [0, 0, 0], value: 1 },
  { from: [0, 2, 0], value: 4 },
  { from: [0, 6, 7], value: 2 },
  { from: [0, 10, 0], value: 1 },
];

/**
 * Whether llama-server reserves logits for every row of a batch. Upstream stopped about 1 June 2026; 0.30.0 (b9452) still
 * did (796 MiB measured for gpt-oss:120b), builds of August 2026 no longer do. In between it was not seen.
 */
export type LogitsReserve = 'everyRow' | 'fewRows' | 'unsure';

const LOGITS: readonly Since<LogitsReserve>[] = [
  { from: [0, 0, 0], value: 'everyRow' },
  { from: [0, 30, 1], value: 'unsure' },
  { from: [0, 31, 0], value: 'fewRows' },
];

/** First version in which Ollama's own engine runs an architecture (until 0.24; from 0.30 llama-server runs all); seen in logs. */
const OWN_ENGINE_SEEN_SINCE: Readonly<Record<string, VersionParts>> = {
  gemma3: [0, 6, 0],
  mistral3: [0, 6, 5],
  gemma3n: [0, 9, 3],
  gptoss: [0, 11, 0],
  'gpt-oss': [0, 11, 0],
};

/** The same from release notes and memory: a guess, which may be a release or two off. */
const OWN_ENGINE_GUESSED_SINCE: Readonly<Record<string, VersionParts>> = {
  llama4: [0, 6, 7],
  qwen25vl: [0, 7, 0],
  mllama: [0, 7, 0],
  bert: [0, 11, 11],
  qwen3: [0, 12, 0],
  qwen3moe: [0, 12, 0],
  deepseek2: [0, 12, 4],
  qwen3vl: [0, 12, 7],
  qwen3vlmoe: [0, 12, 7],
  olmo3: [0, 13, 3],
  glm4moelite: [0, 14, 3],
  qwen3next: [0, 15, 5],
  lfm2: [0, 16, 0],
  qwen35: [0, 17, 0],
  qwen35moe: [0, 17, 0],
  gemma4: [0, 20, 0],
};

/** A guessed release counts as one this near: with another minor number the answer is the same either way. */
const isNear = (version: VersionParts, guessed: VersionParts): boolean =>
  version[0] === guessed[0] && Math.abs(version[1] - guessed[1]) <= 1;

/** First version in which flash attention is on by itself, from release notes; `null`: never was. */
const FLASH_BY_DEFAULT_SINCE: Readonly<Record<string, VersionParts | null>> = {
  gptoss: [0, 11, 8],
  'gpt-oss': [0, 11, 8],
  qwen3: [0, 12, 4],
  qwen3moe: [0, 12, 4],
  gemma3: [0, 12, 6],
  bert: [0, 13, 2],
  mistral3: [0, 13, 2],
  qwen3vl: [0, 13, 2],
  qwen3vlmoe: [0, 13, 2],
  deepseek2: null,
  gemma3n: null,
  llama4: null,
  mllama: null,
  qwen25vl: null,
};

/** Keys and values of attention layers outside the window are dropped for these by the estimator, since that version. */
const ESTIMATED_WINDOWS_SINCE: Readonly<Record<string, VersionParts>> = {
  gemma3: [0, 6, 3],
  gptoss: [0, 11, 0],
  'gpt-oss': [0, 11, 0],
};

/** Architectures whose `OLLAMA_NUM_PARALLEL` is forced to 1, as it is for all models that embed. */
export const SINGLE_SLOT_ARCHITECTURES: ReadonlySet<string> = new Set([
  'mllama',
  'qwen3vl',
  'qwen3vlmoe',
  'qwen35',
  'qwen35moe',
  'qwen3next',
  'lfm2',
  'lfm2moe',
  'nemotron_h',
  'nemotron_h_moe',
]);

export interface OllamaRules {
  readonly version: string;
  /** False where the version was not given and the newest known stands in for it. */
  readonly versionKnown: boolean;
  readonly era: OllamaEra;
  /** The architecture runs on Ollama's own engine (only before `fit`). */
  readonly ownEngine: boolean;
  /** Whether it does is a guess for this version. */
  readonly ownEngineGuessed: boolean;
  readonly defaultContext: number | 'tiered';
  readonly firstParallel: number;
  readonly logits: LogitsReserve;
  /** Flash attention where nobody asks; null: wherever the cards can. */
  readonly flashByDefault: boolean | null;
  /** gpt-oss was raised to at least 8192 tokens in these versions, even over a smaller `num_ctx`. */
  readonly raisesGptOssContext: boolean;
  /** The estimator knows the windows of this architecture. */
  readonly estimatesWindows: boolean;
  /** The estimator starts with the first block, not the last; matters where blocks differ in size. About 0.6.6. */
  readonly fillsFromFirstBlock: boolean;
  /** gpt-oss's graph term was halved in 0.11.5. */
  readonly gptOssGraphFactor: number;
}

/** `"0.3.7-rc5"` → `[0, 3, 7]`; what is no version is the newest known, as are development builds (`0.0.0`). */
export function parseOllamaVersion(version: string): VersionParts | null {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.trim());
  if (!match) return null;
  const parts = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] as const;
  return parts.every((part) => part === 0) ? null : parts;
}

const atLeast = (version: VersionParts, from: VersionParts): boolean => {
  for (let i = 0; i < 3; i++) {
    const difference = (version[i] ?? 0) - (from[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
};

function valueAt<T>(rows: readonly Since<T>[], version: VersionParts, fallback: T): T {
  let value = fallback;
  for (const row of rows) if (atLeast(version, row.from)) value = row.value;
  return value;
}

/** Only Ollama's own engine ever turned it on; what that engine learned later had it from the start. */
function flashByDefault(version: VersionParts, architecture: string, ownEngine: boolean): boolean {
  const since = FLASH_BY_DEFAULT_SINCE[architecture];
  return ownEngine && since !== null && (since === undefined || atLeast(version, since));
}

/** The rules of one version for one architecture. */
export function ollamaRules(version: string | null | undefined, architecture: string): OllamaRules {
  const given = version ? parseOllamaVersion(version) : null;
  const parts = given ?? parseOllamaVersion(NEWEST_OLLAMA_VERSION) ?? [0, 33, 0];
  const era = valueAt(ERAS, parts, 'fit');
  const guessed = OWN_ENGINE_GUESSED_SINCE[architecture];
  const ownSince = OWN_ENGINE_SEEN_SINCE[architecture] ?? guessed;
  const ownEngine = era !== 'fit' && ownSince !== undefined && atLeast(parts, ownSince);
  const windowsSince = ESTIMATED_WINDOWS_SINCE[architecture];
  return {
    version: given && version ? version.trim().replace(/^v/, '') : NEWEST_OLLAMA_VERSION,
    versionKnown: given !== null,
    era,
    ownEngine,
    ownEngineGuessed: era !== 'fit' && guessed !== undefined && isNear(parts, guessed),
    defaultContext: valueAt(DEFAULT_CONTEXT, parts, 'tiered'),
    firstParallel: valueAt(FIRST_PARALLEL, parts, 1),
    flashByDefault: era === 'fit' ? null : flashByDefault(parts, architecture, ownEngine),
    logits: given ? valueAt(LOGITS, parts, 'fewRows') : 'unsure',
    raisesGptOssContext: atLeast(parts, [0, 11, 0]) && !atLeast(parts, [0, 15, 5]),
    estimatesWindows: windowsSince !== undefined && atLeast(parts, windowsSince),
    fillsFromFirstBlock: !atLeast(parts, [0, 6, 6]),
    gptOssGraphFactor: atLeast(parts, [0, 11, 5]) ? 2 : 4,
  };
}
