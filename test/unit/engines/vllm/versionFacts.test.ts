import assert from 'node:assert/strict';
import { compareVersions } from '../../../../src/engines/engineVersion';
import { checkArguments } from '../../../../src/engines/vllm/arguments';
import { vllmCommand } from '../../../../src/engines/vllm/command';
import { flagRows } from '../../../../src/engines/vllm/flagTable';
import { flagWords } from '../../../../src/engines/vllm/flagWords';
import { toolParserFor } from '../../../../src/engines/vllm/toolParsers';
import { plan } from '../../../../src/planner/plan';
import { parsePlanRequest, planOptionsSchema } from '../../../../src/shared/planRequest';
import { inFull } from '../../../support/effort';
import { describeWithData, readDataJson } from '../../../support/sharedData';
import { readVersionFacts, type ReleaseFacts } from '../../../support/versionFacts';

const facts = readVersionFacts();
const says = (line: string) => {
  console.log(`      ${line}`);
};

/** Every text that the release's parser takes as a flag. */
function acceptedFlags({ flags }: ReleaseFacts): Set<string> {
  return new Set(
    [...flags].flatMap(([name, { kind, aliases = [] }]) => [
      name,
      ...aliases,
      ...(kind === 'switch' ? [`--no-${name.slice(2)}`] : []),
    ]),
  );
}

/** The oldest, the newest and some between them; in full all. */
const releases = inFull(
  facts.releases,
  facts.releases.filter((_, at) => at % 8 === 0 || at === facts.releases.length - 1),
);
const acceptedBy = new Map(facts.releases.map((release) => [release, acceptedFlags(release)]));

/** What the real parser would say to planned arguments; null: it takes them. */
function refusalOf(release: ReleaseFacts, args: readonly string[]): string | null {
  for (let index = 0; index < args.length; index += 1) {
    const text = args[index] ?? '';
    const name = text.replace(/^--no-/, '--');
    const flag = release.flags.get(name);
    if (!flag || !acceptedBy.get(release)?.has(text)) return `unrecognized arguments: ${text}`;
    if (flag.kind === 'switch' || flag.kind === 'bare') continue;
    index += 1;
    const value = args[index];
    if (value === undefined || value.startsWith('--')) return `${text}: expected one argument`;
    if (flag.choices && !flag.choices.map(String).includes(value))
      return `${text}: invalid choice: ${value}`;
    if (/count|number/i.test(flag.kind) && !Number.isFinite(Number(value)))
      return `${text}: invalid value: ${value}`;
    if (flag.kind === 'json' && !isJson(value)) return `${text}: invalid JSON: ${value}`;
  }
  return null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Two values per option, where one alone would not show a difference. Ollama's options are none of vLLM's. */
const samples: Readonly<Record<string, readonly unknown[]>> = {
  gpuMemoryUtilization: [0.5],
  kvCacheMemoryBytes: [2 ** 30],
  maxModelLen: [4096],
  maxNumSeqs: [8],
  maxNumBatchedTokens: [4096],
  tensorParallelSize: [2],
  pipelineParallelSize: [2],
  dtype: ['half', 'bfloat16', 'float32'],
  quantization: ['fp8', 'awq'],
  kvCacheDtype: ['fp8', 'fp8_e4m3'],
  enforceEager: [true, false],
  blockSize: [16, 32],
  enablePrefixCaching: [true, false],
  cpuOffloadGb: [4],
  maxCudagraphCaptureSize: [64],
  loadFormat: ['safetensors', 'dummy'],
  speculativeConfig: [{ method: 'ngram', num_speculative_tokens: 3 }],
  enableLora: [true, false],
  maxLoras: [2],
  maxLoraRank: [16, 64],
  decodeContextParallelSize: [2],
  dataParallelSize: [2],
  enableExpertParallel: [true, false],
  limitMmPerPrompt: [{ image: 2 }],
  languageModelOnly: [true, false],
  visibleDevices: [[1, 0]],
};
const ollamaOptions = [
  'numCtx',
  'numParallel',
  'kvCacheType',
  'flashAttention',
  'numGpu',
  'numBatch',
];

function plannedArguments(version: string, options: object, name = 'org/plain-7b'): string[] {
  const gpu = { name: 'NVIDIA L4', totalBytes: 22 * 2 ** 30 };
  const parsed = parsePlanRequest({
    engine: 'vllm',
    engineVersion: version,
    model: { name, config: facts.models.qwen3 },
    gpus: [gpu, gpu],
    options,
  });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
  const settings = {
    file: 'vllm',
    host: '127.0.0.1',
    port: 8000,
    servedModelName: null,
    extraArguments: [],
    environment: {},
  };
  return vllmCommand(parsed.value, plan(parsed.value), settings).args.slice(2);
}

describe('facts about vLLM releases', function () {
  this.timeout(60_000);

  it('say which release was read, by its hash, at least six of them from 0.9 to the newest', () => {
    for (const [version, { sha256 }] of Object.entries(facts.pinned))
      assert.match(sha256, /^[0-9a-f]{64}$/, version);
    const recent = facts.releases.filter(({ version }) => compareVersions(version, '0.9') >= 0);
    says(
      `${String(facts.releases.length)} releases, ${String(facts.releases.at(0)?.version)} to ${String(facts.releases.at(-1)?.version)}, ${String(facts.releases.reduce((sum, { flags }) => sum + flags.size, 0))} flags`,
    );
    assert.ok(recent.length >= 6);
    assert.ok(facts.releases.every(({ flags }) => flags.size > 100));
  });

  it('are the flag table: each release has exactly its flags', () => {
    // `-O` takes its value without a space, which the parser sorts out before argparse; which switches had a --no- form
    // in which release is not tabled.
    const names = new Set(
      facts.releases
        .flatMap((release) => [...acceptedFlags(release)])
        .filter((name) => !/^(?:-O|--no-.*)$/.test(name)),
    );
    for (const row of flagRows) names.add(`--${row.name}`);
    const different: string[] = [];
    let compared = 0;
    for (const release of releases) {
      const accepted = acceptedBy.get(release);
      for (const name of names) {
        const problem = checkArguments([name], release.version).find(
          ({ id }) => id !== 'unknown_word',
        );
        compared += 1;
        const isTaken = problem === undefined || problem.id === 'ambiguous_flag';
        // argparse takes an unambiguous beginning of a name too
        const isBeginning = () => [...(accepted ?? [])].some((text) => text.startsWith(name));
        if (accepted?.has(name) ? !isTaken : isTaken && !isBeginning())
          different.push(`${release.version} ${name}: ${problem?.text ?? 'taken'}`);
      }
    }
    says(`${String(names.size)} names, ${String(compared)} questions`);
    assert.deepEqual(different, []);
  });

  it('are the word table: each release has exactly its words', () => {
    const lists = {
      quantization: 'quantization',
      'load-format': 'loadFormats',
      'kv-cache-dtype': 'kvCacheDtypes',
      'tool-call-parser': 'toolParsers',
    } as const;
    const different: string[] = [];
    let compared = 0;
    for (const release of releases)
      for (const name of Object.keys(flagWords)) {
        const real =
          name in lists
            ? release.words(lists[name as keyof typeof lists])
            : release.flags.get(`--${name}`)?.choices?.map(String);
        const all = new Set(
          flagWords[name]?.words
            .trim()
            .split(/\s+/)
            .map((token) => token.replace(/@.*/, '')),
        );
        for (const word of [...all, ...(real ?? []), 'nonsense']) {
          compared += 1;
          const isTaken = checkArguments([`--${name}`, word], release.version).length === 0;
          if (isTaken !== (real === undefined || real.includes(word)))
            different.push(
              `${release.version} --${name} ${word}: ${isTaken ? 'taken' : 'refused'}`,
            );
        }
      }
    says(`${String(compared)} questions`);
    assert.deepEqual(different, []);
  });

  it('take every flag that is planned, for each option and release', () => {
    assert.deepEqual(
      Object.keys(planOptionsSchema.shape)
        .filter((key) => !ollamaOptions.includes(key))
        .sort(),
      Object.keys(samples).sort(),
    );
    const refused: string[] = [];
    let commands = 0;
    for (const release of releases)
      for (const [option, values] of Object.entries(samples))
        for (const value of values) {
          const args = plannedArguments(release.version, { [option]: value });
          commands += 1;
          const refusal = refusalOf(release, args);
          if (refusal !== null) refused.push(`${release.version} ${option}: ${refusal}`);
          const [own] = checkArguments(args, release.version);
          if (own) refused.push(`${release.version} ${option}: own check: ${own.text}`);
        }
    says(`${String(commands)} commands`);
    assert.deepEqual(refused, []);
  });

  it('have every tool parser that is planned, as early as it is planned', () => {
    const models = [
      'Qwen3-Coder-30B-A3B-Instruct',
      'Qwen2.5-7B-Instruct',
      'Qwen3-4B',
      'Hermes-3-Llama-3.1-8B',
      'Llama-3.1-8B-Instruct',
      'Llama-4-Scout-17B-16E-Instruct',
      'Mistral-7B-Instruct-v0.3',
      'granite-3.3-8b-instruct',
      'gpt-oss-20b',
    ];
    for (const release of releases)
      for (const model of models) {
        const newest = toolParserFor(model, null);
        assert.ok(newest, model);
        const planned = toolParserFor(model, release.version);
        const has = release.words('toolParsers').includes(newest);
        assert.equal(planned, has ? newest : null, `${model} at ${release.version}`);
        assert.equal(refusalOf(release, plannedArguments(release.version, {}, model)), null);
      }
  });
});

describeWithData('recorded flags against the releases', () => {
  it('each flag and each removed flag is refused by name where a release lacks it', function () {
    this.timeout(60_000);
    const current = readDataJson('vllm-serve-flags.json') as { flag: string }[];
    const removed = readDataJson('vllm-serve-flags-removed.json') as {
      flag: string;
      replacement?: string;
    }[];
    const wrong: string[] = [];
    let lacking = 0;
    for (const { flag } of [...current, ...removed].filter(({ flag: name }) =>
      name.startsWith('--'),
    ))
      for (const release of releases) {
        const problems = checkArguments([flag], release.version);
        if (acceptedBy.get(release)?.has(flag)) {
          if (problems.length > 0)
            wrong.push(`${release.version} ${flag}: ${problems[0]?.text ?? ''}`);
          continue;
        }
        lacking += 1;
        const isNamed = problems.some(
          ({ id, text, blocking }) =>
            /^(?:removed|newer|unknown)_flag$/.test(id) &&
            text.includes(flag) &&
            (blocking || id === 'unknown_flag'),
        );
        if (!isNamed) wrong.push(`${release.version} lacks ${flag}, and nothing is said`);
      }
    says(
      `${String(current.length)} flags, ${String(removed.length)} removed ones, ${String(lacking)} times one is lacking`,
    );
    assert.deepEqual(wrong, []);
    assert.ok(current.length >= 286 && removed.length >= 77);
  });
});
