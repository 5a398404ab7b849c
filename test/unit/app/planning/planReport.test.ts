import assert from 'node:assert/strict';
import { readKnownResults } from '../../../../src/app/planning/knownResults';
import { createModelService } from '../../../../src/app/models/modelService';
import { planReport } from '../../../../src/app/planning/planReport';
import { snapshotOf } from '../../../../src/app/snapshot';
import type { Wish } from '../../../../src/shared/wish';
import { fakeContext, sampleOf, type FakeContext } from '../../../support/fakePorts';
import { recordWith } from '../../../support/learnedRecords';

const PLACES = { storageFolder: '/storage', workspaceFolder: '/project' };
const OWN = '/project/.vscode/vram-profiles.json';
const STORED = '/storage/vram-profiles.json';

const WISH: Wish = {
  engine: 'vllm',
  model: 'Qwen/Qwen3-4B',
  options: { gpuMemoryUtilization: 0.7, maxModelLen: 8192 },
  extraArguments: [],
  port: null,
};

const profiles = (...list: object[]) => JSON.stringify({ profiles: list });
const MINE = {
  model: 'Qwen3-4B',
  cardGib: 24,
  weightsGb: 7.6,
  result: 'works',
  options: { gpuMemoryUtilization: 0.62, maxModelLen: 2048 },
};

function open(wish: Wish = WISH): FakeContext {
  const context = fakeContext();
  context.gpuNow = sampleOf();
  const vllm = { found: true, file: '/v/bin/vllm', version: '0.19.1' };
  const engines = { ...context.store.state().engines, vllm };
  context.store.dispatch({ type: 'enginesFound', engines });
  context.store.dispatch({ type: 'wished', wish, from: 'host' });
  return context;
}

const reportOf = (context: FakeContext) => planReport(context, createModelService(context));

/** Titles in order, with what stands under each. */
function sectionsOf(text: string): Map<string, string> {
  const parts = text.split(/^([A-Z][A-Za-z ]+):\n/m).slice(1);
  return new Map(
    Array.from({ length: parts.length / 2 }, (_, at) => [
      parts[2 * at] ?? '',
      parts[2 * at + 1] ?? '',
    ]),
  );
}

describe('the report of a plan', () => {
  it('prints all that product and terminal ask for, in order', async () => {
    const context = open();
    const text = await reportOf(context);
    const sections = sectionsOf(text);
    assert.deepEqual(
      [...sections.keys()].filter((title) => title !== 'Advice'),
      [
        'GPU',
        'Model',
        'Memory',
        'Analysis',
        'Known results',
        'Recommended configuration',
        'Command',
        'Python',
      ],
    );
    assert.match(text, /^Qwen\/Qwen3-4B on NVIDIA GeForce RTX 4090: /);
    assert.match(sections.get('GPU') ?? '', /total 24\.00 GiB, used 1\.00 GiB, free 23\.00 GiB/);
    assert.match(sections.get('Model') ?? '', /Context: 8,192 tokens/);
    assert.match(
      sections.get('Command') ?? '',
      /\/v\/bin\/vllm serve Qwen\/Qwen3-4B .*--gpu-memory-utilization 0\.7/,
    );
    assert.match(sections.get('Python') ?? '', /LLM\([^)]*disable_log_stats=True,\n {2}\)/);
    assert.doesNotMatch(text, /undefined|NaN|\[object/);
  });

  it('names what was learned here before what others know, and both before what is computed', async () => {
    const context = open();
    context.files.put(STORED, profiles(MINE));
    await readKnownResults(context, PLACES);
    const record = recordWith({
      outcome: { options: { gpuMemoryUtilization: 0.8, maxModelLen: 4096 } },
    });
    context.store.dispatch({
      type: 'learned',
      entries: [{ key: 'a', record, source: 'here' }],
      problems: [],
    });
    const sections = sectionsOf(await reportOf(context));
    const known = (sections.get('Known results') ?? '').split('\n');
    assert.match(
      known[0] ?? '',
      /Qwen\/Qwen3-4B on NVIDIA .*utilization 80 %.*: KV pool measured 9\.80 GiB/,
    );
    assert.match(known[1] ?? '', /^ {2}Qwen3-4B on a 24 GB card: works/);
    assert.match(known[2] ?? '', /^ {2}Qwen 3 4B on a 16 GB card: works/);
    const recommended = (sections.get('Recommended configuration') ?? '').split('\n');
    assert.match(recommended[0] ?? '', /Started here before: .*context 4,096/);
    assert.match(
      recommended[1] ?? '',
      /Known to work on such a card: utilization 0\.62, context 2048/,
    );
    assert.match(recommended[2] ?? '', /^ {2}Computed \(/);
  });

  it('says that no model is chosen', async () => {
    assert.match(await reportOf(open({ ...WISH, model: '' })), /No model is chosen/);
  });

  it('speaks of Ollama in its own words', async () => {
    const wish: Wish = { ...WISH, engine: 'ollama', model: 'qwen3:4b', options: { numCtx: 8192 } };
    const sections = sectionsOf(await reportOf(open(wish)));
    assert.match(sections.get('Command') ?? '', /ollama serve/);
    assert.match(sections.get('Recommended configuration') ?? '', /37 of 37 layers on the GPU/);
    assert.ok(!sections.has('Python'));
  });
});

describe("the user's own known results", () => {
  it("are read from both places, the workspace's first, and used by plans and by the page", async () => {
    const context = open();
    context.files.put(STORED, profiles({ ...MINE, cardGib: 12 }));
    context.files.put(OWN, profiles(MINE));
    await readKnownResults(context, PLACES);
    const { known } = context.store.state();
    assert.deepEqual(
      known.profiles.map(({ cardGib }) => cardGib),
      [24, 12],
    );
    const snapshot = snapshotOf(context.store.state(), context.settings(), {
      nowMs: 0,
      trusted: true,
      port: 8000,
    });
    assert.deepEqual(snapshot.knownProfiles, known.profiles);
    const sections = sectionsOf(await reportOf(context));
    assert.match(
      sections.get('Analysis') ?? '',
      /Known result: Qwen3-4B on a 24 GB card: works, weights 7\.6 GB; utilization 0\.62/,
    );
  });

  it('of a broken file are left out, which is said once, and gone when it is mended', async () => {
    const context = open();
    context.files.put(OWN, profiles({ ...MINE, result: 'perhaps' }));
    context.files.put(STORED, profiles(MINE));
    await readKnownResults(context, PLACES);
    await readKnownResults(context, PLACES);
    const { known } = context.store.state();
    assert.equal(known.profiles.length, 1, 'the other file still counts');
    assert.match(known.problems.join(), /vram-profiles\.json is left out: .*profiles\.0\.result/);
    const surroundings = { nowMs: 0, trusted: true, port: 8000 };
    const { problems } = snapshotOf(context.store.state(), context.settings(), surroundings);
    assert.deepEqual(problems, known.problems);
    assert.equal(context.log.lines.filter((line) => line.includes('known')).length, 1);
    assert.match(await reportOf(context), /is left out/);

    context.files.put(OWN, profiles(MINE));
    await readKnownResults(context, PLACES);
    assert.deepEqual(context.store.state().known.problems, []);
  });
});
