// npm run facts: reads again what the product believes about the engines from the engines themselves, and writes it to
// test/fixtures/facts/. By hand, never in CI: it downloads old releases and takes a quarter of an hour and more.
//   --only=versions,kv,llama   which facts; without it all
import { setUp } from './setup.mjs';
import { main } from './processes.mjs';

const MAKERS = {
  versions: async () => (await import('../engines/versionFacts.mjs')).writeVersionFacts(),
  kv: async () => (await import('../engines/kvFacts.mjs')).writeKvFacts(),
  llama: async () => (await import('../engines/llamaFacts.mjs')).writeLlamaFacts(),
};

function wantedMakers() {
  const given = process.argv.find((arg) => arg.startsWith('--only='));
  if (given === undefined) return Object.keys(MAKERS);
  const names = given.slice('--only='.length).split(',');
  const unknown = names.find((name) => !(name in MAKERS));
  if (unknown !== undefined)
    throw new Error(`--only=${unknown}: choose from ${Object.keys(MAKERS).join(', ')}`);
  return names;
}

main(async () => {
  await setUp();
  for (const name of wantedMakers()) await MAKERS[name]();
});
