// The installed vLLM takes what the committed facts say: its `--help=all` lists the same flags, and its parser and
// defaults, asked again, give the same answers.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/paths.mjs';
import { must } from '../scripts/processes.mjs';
import { engineEnvironment, installEngines, VLLM_VERSION } from './install.mjs';
import { askInstalledVersion } from './versionFacts.mjs';

const committed = JSON.parse(
  fs.readFileSync(path.join(root, 'test/fixtures/facts/vllmVersions.json'), 'utf8'),
);
const versions = Object.keys(committed.releases);
const index = versions.indexOf(VLLM_VERSION);

/** What the facts hold for the installed release. */
function factsOf(record) {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, spans]) => {
      const span = spans.find(
        ([first, last]) => versions.indexOf(first) <= index && index <= versions.indexOf(last),
      );
      return span ? [[key, span[2]]] : [];
    }),
  );
}

describe(`facts about vLLM ${VLLM_VERSION}`, function () {
  this.timeout(300_000);

  it('are what its parser and its configuration say now', async () => {
    const told = await askInstalledVersion();
    assert.deepEqual(told.flags, factsOf(committed.flags));
    assert.deepEqual(told.cases, factsOf(committed.cases));
    for (const [list, words] of Object.entries(told.lists))
      assert.deepEqual([...words].sort(), Object.keys(factsOf(committed[list])).sort(), list);
  });

  it('are what its help lists', async () => {
    const { vllm } = await installEngines();
    const program = path.join(vllm, 'bin/vllm');
    const env = { ...process.env, ...engineEnvironment };
    const help = await must(program, ['serve', '--help=all'], { capture: true, env });
    const listed = new Set();
    for (const line of help.split('\n'))
      if (/^ {2}-/.test(line))
        for (const [flag] of line.matchAll(/(?<![\w-])--[a-z][\w-]*/g)) listed.add(flag);
    listed.delete('--help');
    const known = new Set(
      Object.entries(factsOf(committed.flags)).flatMap(([name, { kind, aliases = [] }]) => [
        name,
        ...aliases.filter((alias) => alias.startsWith('--')),
        ...(kind === 'switch' ? [`--no-${name.slice(2)}`] : []),
      ]),
    );
    assert.deepEqual([...listed].sort(), [...known].sort());
  });
});
