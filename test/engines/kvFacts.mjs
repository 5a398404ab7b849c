// Facts about vLLM's KV cache, told by vLLM's own code on a machine without a GPU: what it lays out for models of which
// only a config.json exists (kv/modelFacts.py), and for layouts drawn at random (kv/specFacts.py) in several releases.
// Written to test/fixtures/facts/kv*.json, which plain tests compare with the planner. By hand: about ten minutes.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../scripts/paths.mjs';
import { must } from '../scripts/processes.mjs';
import { engineEnvironment, installEngines, VLLM_VERSION } from './install.mjs';
import { pinnedReleases, sourceFolder } from './versionFacts.mjs';

const programs = path.join(path.dirname(fileURLToPath(import.meta.url)), 'kv');
const factsFolder = path.join(root, 'test/fixtures/facts');
const modelsFile = path.join(factsFolder, 'kvModels.json');
const modelFactsFile = path.join(factsFolder, 'kvModelFacts.json');
const specFactsFile = path.join(factsFolder, 'kvSpecFacts.json');

/** Cards whose attention kernels differ: Hopper, Ampere, Ada. */
const CARDS = ['h100', 'a100', 'rtx4090'];
/** On both sides of each rule that changed: group ratio 0.18, tokens shown 0.21, packed layout and null block 0.29. */
const SPEC_RELEASES = ['0.17.0', '0.18.0', '0.20.0', '0.21.0', '0.28.0', '0.29.0', VLLM_VERSION];
const DRAWS = 420;

async function askPython(program, args, python) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'kv-facts-'));
  try {
    const out = path.join(scratch, 'facts.json');
    const env = { ...process.env, ...engineEnvironment, VLLM_CACHE_ROOT: scratch };
    await must(python, [path.join(programs, program), ...args, out], { quiet: true, env });
    return JSON.parse(fs.readFileSync(out, 'utf8'));
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

const venvPython = async () => path.join((await installEngines()).vllm, 'bin/python');

/** Equal groups once, with their number. */
function counted(groups) {
  const rows = [];
  for (const group of groups) {
    const last = rows.at(-1);
    if (last && String(last.slice(1)) === String(group)) last[0]++;
    else rows.push([1, ...group]);
  }
  return rows;
}

const inPool = ({ blocks, tokens, concurrency }) => [
  blocks,
  tokens,
  Number(concurrency.toPrecision(12)),
];

/** `[card, options, pool, blockSize, inFlight]`, and where there is a KV cache `[…, groups, bytesPerBlock, needed, longest, inPool]`. */
function modelRow(fact) {
  const asked = [fact.card, fact.options, fact.pool, fact.blockSize, fact.inFlight];
  if (fact.groups === undefined) return asked;
  const { groups, bytesPerBlock, needed, longest } = fact;
  return [
    ...asked,
    counted(groups),
    bytesPerBlock,
    needed,
    longest,
    fact.fits ? inPool(fact) : null,
  ];
}

const readModels = () => JSON.parse(fs.readFileSync(modelsFile, 'utf8'));

/**
 * Asks the installed vLLM about models on one card.
 * @param names of kvModels.json; without it all
 * @returns `{ rows: { model: [row…] }, refused: [[model, options, why]…] }`
 */
export async function askModels(card, names = Object.keys(readModels())) {
  // Python reads the file itself: JSON written here would turn 7.0 into 7, which configs refuse.
  const args = [card, modelsFile, names.join(',')];
  const told = await askPython('modelFacts.py', args, await venvPython());
  const rows = Object.fromEntries(names.map((name) => [name, []]));
  for (const fact of told.facts) rows[fact.model].push(modelRow(fact));
  return { rows, refused: told.refused };
}

/** Asks one release about the drawn layouts: `{ cases, told }`; `told[i]` null where its code refuses the layout. */
export async function askSpecs(version) {
  const release = pinnedReleases().find((each) => each.version === version);
  const python = await venvPython();
  const folder = version === VLLM_VERSION ? '' : await sourceFolder(release, python);
  const { cases, told } = await askPython('specFacts.py', [folder, String(DRAWS)], python);
  return {
    cases,
    told: told.map((one) => one && (one.blocks === undefined ? one.longest : inPool(one))),
  };
}

/** The committed facts: `{ models, specs }`. */
export function readKvFacts() {
  const read = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));
  return { models: read(modelFactsFile), specs: read(specFactsFile) };
}

/** One line per `depth` levels of keys or entries: a new release's changes show in the diff. */
function inLines(value, depth) {
  if (depth === 0 || value === null || typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const parts = Object.entries(value).map(
    ([key, own]) => (isList ? '' : `${JSON.stringify(key)}:`) + inLines(own, depth - 1),
  );
  return isList ? `[\n${parts.join(',\n')}\n]` : `{\n${parts.join(',\n')}\n}`;
}

export async function writeKvFacts() {
  const models = {};
  for (const card of CARDS) {
    console.error(`asking vLLM ${VLLM_VERSION} about models on ${card} …`);
    const { rows, refused } = await askModels(card);
    for (const [name, own] of Object.entries(rows)) (models[name] ??= []).push(...own);
    for (const [name, options, why] of refused)
      console.error(`  refused: ${name} ${JSON.stringify(options)}: ${why.split('\n')[0]}`);
  }
  fs.writeFileSync(modelFactsFile, `${inLines({ version: VLLM_VERSION, models }, 3)}\n`);
  const specs = { cases: null, told: {} };
  for (const version of SPEC_RELEASES) {
    console.error(`asking vLLM ${version} about drawn layouts …`);
    const { cases, told } = await askSpecs(version);
    specs.cases ??= cases;
    specs.told[version] = told;
  }
  const told = Object.entries(specs.told).map(
    ([v, own]) => `${JSON.stringify(v)}:${JSON.stringify(own)}`,
  );
  fs.writeFileSync(
    specFactsFile,
    `{"cases":${inLines(specs.cases, 1)},\n"told":{\n${told.join(',\n')}\n}}\n`,
  );
}
