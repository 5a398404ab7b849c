// What a real llama.cpp prints for our generated models, as committed facts: the planner's truth in plain `npm test`.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { out, root } from '../scripts/paths.mjs';
import { main, must } from '../scripts/processes.mjs';
import { LLAMA_PACKAGE, installLlama } from './llama/install.mjs';

const loader = path.join(path.dirname(fileURLToPath(import.meta.url)), 'llama', 'load.mjs');

/** The TypeScript side: models, cases, and the planner itself. */
export async function llamaSupport() {
  const { build } = await import('esbuild');
  const outfile = path.join(out, 'test', `llamaFacts-${process.pid}.cjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ['test/support/llamaFacts.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  });
  try {
    return createRequire(import.meta.url)(outfile);
  } finally {
    fs.rmSync(outfile, { force: true });
  }
}

/** Loads models in a process of its own. `ids`: null for all. */
export async function loadModels(support, ids) {
  const module = await installLlama();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-llama-'));
  try {
    const wishes = path.join(folder, 'wishes.json');
    const answer = path.join(folder, 'answer.json');
    fs.writeFileSync(wishes, JSON.stringify(support.prepareLoads(folder, ids)));
    await must(process.execPath, [loader, module, wishes, answer], { quiet: true });
    return support.factsFrom(LLAMA_PACKAGE, JSON.parse(fs.readFileSync(answer, 'utf8')));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Loads everything and writes the facts file; 500 loads take seconds. */
export async function writeLlamaFacts() {
  const support = await llamaSupport();
  const facts = await loadModels(support, null);
  const file = path.join(root, support.FACTS_FILE);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, support.factsText(facts));
  const loads = facts.models.reduce((sum, model) => sum + model.loads.length, 0);
  console.error(`${facts.models.length} models, ${loads} loads: ${support.FACTS_FILE}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(writeLlamaFacts);
