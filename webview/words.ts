/** Every sentence the page shows or speaks, in one place. Figures come in formatted or as plain numbers. */
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatGib,
  formatPercent,
} from '../src/shared/units';
import { shortGpuName } from '../src/shared/shortGpuName';
import type { Basis, Verdict } from '../src/shared/planAnswer';

export { engineNames } from '../src/shared/engineNames';

export const verdictWords: Readonly<Record<Verdict, string>> = {
  fits: 'Fits',
  tight: 'Tight',
  doesNotFit: 'Does not fit',
  unknown: 'Unknown',
};

/** Shown beside the word, so that no meaning hangs on colour alone. */
export const verdictIcons: Readonly<Record<Verdict, string>> = {
  fits: '✓',
  tight: '!',
  doesNotFit: '✕',
  unknown: '?',
};

export const basisWords: Readonly<Record<Basis, string>> = {
  learned: 'learned on this machine',
  headers: 'from the weight files',
  config: 'from config.json',
  gguf: 'from the GGUF header',
  name: 'guessed from the name',
  default: 'a guess: no facts',
};

export const partWords = {
  others: 'In use now',
  weights: 'Weights',
  nonTorch: 'CUDA context',
  activation: 'Activations',
  graph: 'CUDA graphs',
  compute: 'Compute buffers',
  kvCache: 'KV cache',
  reserve: 'Kept clear',
  free: 'Free',
  over: 'Over the card',
} as const;

/** Options as they are called on this page; others go by their own name. */
const optionWords: Readonly<Record<string, string>> = {
  gpuMemoryUtilization: 'utilization',
  maxModelLen: 'context',
  numCtx: 'context',
  maxNumSeqs: 'max sequences',
  maxNumBatchedTokens: 'max batched tokens',
  kvCacheDtype: 'KV cache type',
  kvCacheType: 'KV cache type',
  numParallel: 'parallel requests',
  numGpu: 'layers on the GPU',
};

/** `enforceEager` → "enforce eager". */
export const optionName = (key: string): string =>
  optionWords[key] ?? key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const words = {
  title: 'Plan a model',
  waiting: 'Waiting for VRAM Pilot…',
  simulated: 'Simulated GPU',
  simulatedHelp: 'vramPilot.simulate is on: all figures here are made up.',
  otherVersion:
    'This page belongs to another version of VRAM Pilot. Close it and open the planner again.',

  gpusHeading: 'GPU memory now',
  noGpu: 'No GPU was found. Plans are made without a card: only sizes are shown.',
  gpu: (index: number, name: string | null) =>
    `GPU ${index} · ${name === null ? 'unnamed' : shortGpuName(name)}`,
  used: (used: number | null, total: number) =>
    `${used === null ? '?' : (used / 2 ** 30).toFixed(1)} / ${formatGib(total, 1)}`,
  usedSpoken: (used: number | null, total: number) =>
    used === null
      ? `use unknown, ${formatGib(total, 1)} in all`
      : `${formatGib(used, 1)} of ${formatGib(total, 1)} in use`,
  age: (seconds: number) => (seconds < 3 ? 'live' : `${seconds} s old`),
  noSample: 'not measured yet',
  holder: (pid: number, label: string, bytes: number | null) =>
    `${label} (${pid}) ${formatBytes(bytes)}`,
  noHolder: 'No process is listed.',
  moreHolders: (count: number) => `${count} more`,
  cleanUp: 'Clean Up…',
  report: 'GPU Report',

  wishHeading: 'What you want',
  engine: 'Engine',
  engineMissing: (engine: string) =>
    `${engine} was not found here. The plan holds; Deploy needs it.`,
  engineVersion: (engine: string, version: string | null, planned: string | null) =>
    version !== null
      ? `${engine} ${version}`
      : planned === null
        ? ''
        : `Planned for ${engine} ${planned}`,
  getEngine: 'Get vLLM or Ollama…',
  model: 'Model',
  modelPlaceholder: {
    vllm: 'Name, or a folder',
    ollama: 'Tag, or a .gguf file',
  },
  choose: 'Choose…',
  hubSetting: 'Open Setting',
  readingModel: 'planned by its name until its facts are read',
  weightsOf: (bytes: number) => `${formatGib(bytes, 1)} of weights`,
  upTo: (tokens: number) => `up to ${formatCount(tokens)} tokens`,

  utilization: 'GPU memory utilization',
  utilizationHelp:
    'The share of the card that vLLM takes for itself. Lower it when other programs use the GPU: 0.6–0.7 for development, 0.8–0.9 for production. It buys KV cache: room for more tokens and more requests at once.',
  context: 'Max context length',
  contextHelp:
    'The longest single conversation, in tokens. It does not take memory by itself: it says how much of the KV cache one request may need, and so how many fit side by side.',
  numCtxHelp:
    'Tokens per conversation. Ollama sets aside the KV cache for all of it when it loads the model, once for each parallel request.',
  share: 'Share of the card',
  pool: 'KV cache',
  tokens: 'Tokens',
  requests: 'Requests at once',
  atLength: (length: number | null) => (length === null ? '' : `of ${formatCount(length)} tokens`),
  ofCard: (wanted: number | null, total: number | null) =>
    wanted === null || total === null
      ? 'no card'
      : `${(wanted / 2 ** 30).toFixed(2)} of ${formatGib(total)}`,
  auto: 'auto',
  /** The engine takes what stands there. */
  inArguments: (value: string) => `extra arguments say ${value}`,
  badUtilization: 'A number above 0 and up to 1, or “auto”.',
  badGib: 'A size in GiB, 0 or more.',
  badRequests: 'How many at once: above 0.',
  badCount: 'A whole number from 1.',
  badLayers: 'A whole number from 0, or empty for as many as fit.',
  badPort: 'A port from 1 to 65535, or empty for any free one.',
  needsMoreThanCard: (share: number) => `That would take ${share.toFixed(2)} of the card.`,
  belowNothing: 'Less than the smallest share.',
  marks: {
    smallest: 'Starts from',
    recommended: 'Recommended',
    beside: 'With head room',
    largest: 'At most now',
  },
  markHelp: {
    smallest: 'The smallest share that starts with this context',
    recommended: 'The smallest that meets the wish and leaves the head room',
    largest: 'The largest that passes the start check with what is free now',
  },
  besideHelp: (headroom: number) =>
    `The largest that leaves ${formatBytes(headroom)} of what is free now to the desktop`,
  keptForOllama: (bytes: number, reason: string | null): string =>
    `${formatBytes(bytes)} are kept for Ollama${reason === null ? '' : ` (${reason})`}. The shares below leave it alone, except “${words.marks.smallest}”.`,
  marksHeading: 'Shares worth knowing',
  marksColumns: ['', 'Share', 'KV cache', 'Tokens · requests'],
  unknownMark: '–',
  /** The other two units of a mark; the share stands before them. */
  markUnits: (gib: string, tokens: string | null, requests: string | null) => ({
    pool: gib,
    room: tokens === null ? '' : `${tokens} · ${requests ?? '?'}`,
    spoken: [
      `${gib} for KV`,
      tokens === null ? null : `${tokens} tokens`,
      tokens === null || requests === null ? null : `${requests} requests at once`,
    ]
      .filter((part) => part !== null)
      .join(', '),
  }),
  markSpoken: (name: string, share: string, units: string | null) =>
    `${name} ${share}${units === null ? '' : `: ${units}`}`,
  percent: (share: number | null, auto: boolean) =>
    `${share === null ? '–' : String(Math.round(share * 1000) / 10)} %${auto ? ' auto' : ''}`,
  sliderSpoken: (
    share: number,
    gib: string | null,
    tokens: string | null,
    requests: string | null,
  ) =>
    [
      share.toFixed(2),
      gib === null ? null : `${gib} for vLLM`,
      tokens === null ? null : `about ${tokens} tokens`,
      tokens === null || requests === null ? null : `${requests} requests at once`,
    ]
      .filter((part) => part !== null)
      .join(', '),
  contextSpoken: (tokens: number, verdict: string | null) =>
    `${formatCount(tokens)} tokens${verdict === null ? '' : `, ${verdict}`}`,
  presets: 'Presets',
  preset: {
    conservative: 'Conservative',
    balanced: 'Balanced',
    aggressive: 'Aggressive',
    auto: 'Auto',
  },
  presetDetail: { conservative: '60 %', balanced: '70 %', aggressive: '85 %', auto: 'as needed' },
  bySize: 'Model size',
  byUse: 'Use',
  longest: (tokens: number) => `longest that fits ${formatCount(tokens)}`,
  max: 'max',
  beyondModel: (longest: number) => `Longer than the model’s own ${formatCount(longest)} tokens.`,

  advanced: 'Advanced',
  dtype: 'Data type',
  tensorParallel: 'Tensor parallel',
  pipelineParallel: 'Pipeline parallel',
  quantization: 'Quantization',
  kvCacheDtype: 'KV cache type',
  maxNumSeqs: 'Max sequences',
  maxNumBatchedTokens: 'Max batched tokens',
  enforceEager: 'Enforce eager: no CUDA graphs, 0.5–1 GiB less, 10–20 % slower',
  extraArguments: 'Extra arguments',
  extraArgumentsHelp: 'One per line, as the engine takes them. They are never run through a shell.',
  port: 'Fixed port',
  engineDefault: 'engine default',
  asCheckpoint: 'as stored',
  anyFree: 'any free',
  numParallel: 'Parallel requests',
  flashAttention: 'Flash attention',
  numGpu: 'Layers on the GPU',
  asManyAsFit: 'as many as fit',
  keepAlive: 'Keep loaded',
  keepAliveHelp: 'How long an idle model keeps its memory.',
  flashAttentionHelp: 'q8_0 and q4_0 need it.',
  tokensInAll: (tokens: number | null) =>
    tokens === null ? '' : `${formatCount(tokens)} tokens in all`,
  poolOf: (bytes: number | null) => (bytes === null ? '' : `${formatBytes(bytes)} in all`),
  layers: (on: number, all: number) => `${on} of ${all} on the GPU`,
  /** Seconds of being idle; null: whatever happens. */
  keepAliveChoices: [
    [null, 'for ever'],
    [300, '5 min idle'],
    [1800, '30 min idle'],
    [7200, '2 h idle'],
  ] as const,
  keptFor: (seconds: number | null): string =>
    words.keepAliveChoices.find(([choice]) => choice === seconds)?.[1] ??
    formatDuration((seconds ?? 0) * 1000),
  on: 'on',
  off: 'off',

  costHeading: 'What it costs',
  pickModel: 'Pick a model to see what it costs.',
  pickModelHelp: 'Type a name, choose one from this machine, or start with one of these:',
  examples: (card: string) => `Planned by name for ${card}`,
  example: (weights: number | null) =>
    weights === null ? '' : `${formatGib(weights, 1)} of weights`,
  exampleVerdict: (verdict: Verdict, share: number | null) =>
    `${verdictIcons[verdict]} ${verdictWords[verdict].toLowerCase()}${share === null ? '' : ` at ${formatPercent(share)}`}`,
  planFailed: 'The planner could not price this. The problem has been reported.',
  why: 'Why: the arithmetic',
  explainPlan: 'Explain This Plan',

  keep: 'Keep for Comparison',
  compareHeading: 'Side by side',
  kept: 'Kept',
  now: 'Now',
  swap: 'Swap',
  useKept: 'Use Kept',
  stopComparing: 'Stop Comparing',
  verdict: 'Verdict',
  taken: 'Takes of the GPU',
  weights: 'Weights',
  freeAfter: 'Left of what is free',
  smallestShare: 'Smallest share',
  range: (low: number, high: number) =>
    `${(low / 2 ** 30).toFixed(1)}–${(high / 2 ** 30).toFixed(1)}`,
  part: 'Part',
  partsOn: (index: number) => `GPU ${index} GiB`,
  partsOfOne: 'GiB',
  rangeHeading: 'Range',
  tightest: (count: number, all: number) =>
    `The ${count} fullest of ${all} GPUs; the others have more room.`,
  barName: (index: number, planned: number, total: number) =>
    `GPU ${index} · takes ${formatGib(planned, 1)} of ${formatGib(total, 1)}`,
  offload: (on: number, all: number, host: number | null) =>
    `${on} of ${all} layers on the GPU${host === null || host === 0 ? '' : `, ${formatGib(host, 1)} in system memory`}`,

  warningHeading: {
    refused: 'Not enough is free now: vLLM refuses to start',
    runsOut: 'Not enough is free now: vLLM is likely to run out of memory',
    takesOllamas: 'Takes memory that is kept for Ollama',
  },
  use: (share: string) => `Use ${share}`,

  adviceHeading: 'Advice',
  apply: 'Apply',
  fixedBySetting: 'Fixed by vramPilot.vllm.extraArguments.',
  /** The latest one, and how many can be taken back. */
  applied: (what: string, count: number) =>
    `Applied: ${what}${count > 1 ? ` (${count} in a row)` : ''}.`,
  undo: 'Undo',
  undoOf: (what: string) => `Undo: ${what}`,
  saves: (bytes: number | null) => `Saves ${formatBytes(bytes)}`,
  moreAdvice: (count: number) => `${count} more`,
  /** `stop-server` → "Stop server": advice that is not a setting. */
  adviceName: (id: string) => capitalised(id.replaceAll('-', ' ')),

  commandHeading: 'Exact command',
  thenLoad: (method: string, path: string, body: string) => `then ${method} ${path} ${body}`,
  copy: 'Copy',
  saveProfile: 'Save as Profile…',
  deploy: 'Deploy',
  deployAnyway: 'Deploy Anyway',
  deploying: 'Starting…',
  stop: 'Stop',
  untrusted: 'This folder is not trusted, so nothing is started from here.',
  trust: 'Trust…',
  noModelYet: 'Pick a model first.',
  fixFields: 'Correct the marked field first.',
  launchHeading: 'Launch',

  serversHeading: 'Servers',
  moreServers: (count: number) => `and ${count} more`,
  serverUse: (used: number | null, planned: number | null) =>
    [
      used === null ? null : planned === null ? formatGib(used, 1) : (used / 2 ** 30).toFixed(1),
      planned === null ? null : `${formatGib(planned, 1)} planned`,
    ]
      .filter((part) => part !== null)
      .join(' of '),
  poolFill: (part: number) => `KV ${formatPercent(part)}`,
  terminal: 'Terminal',
  dismiss: 'Dismiss',
  copyUrl: 'Copy URL',
  copyCurl: 'Copy curl',
  testPrompt: 'Send Test Prompt',
  /** What a row's button does, in full: "Copy URL of vLLM: Qwen3-4B". */
  ofServer: (what: string, title: string) => `${what}: ${title}`,
  stopServer: (title: string) => `Stop ${title}`,
  explain: 'Explain',
  explainOf: (title: string) => `Explain why ${title} failed`,
  startCorrected: 'Start Corrected',
  startCorrectedOf: (title: string) => `Start Corrected: ${title}`,
  stepUp: 'One Step Up…',
  stepUpOf: (title: string) => `One Step Up… of ${title}`,
  correctedHeading: 'One corrected launch:',
  stepUpHeading: 'It could have more:',
  mustStopHeading: 'What must stop',
} as const;
