/** README and CONTRIBUTING name only what there is, and the README leaves out nothing that people look for in it. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { COMMANDS } from '../../src/app/commands/commandTable';
import { settingSchemas } from '../../src/app/settings';
import { ollamaCauseTexts } from '../../src/engines/ollama/causes';
import { vllmCauseTexts } from '../../src/engines/vllm/causes';
import { describeWithData, readDataJson } from '../support/sharedData';

const readme = fs.readFileSync('README.md', 'utf8');
const contributing = fs.readFileSync('CONTRIBUTING.md', 'utf8');
const docs = { 'README.md': readme, 'CONTRIBUTING.md': contributing };
const { scripts, contributes } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as {
  scripts: Record<string, string>;
  contributes: { commands: { title: string }[] };
};
const words = JSON.parse(fs.readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const titles = contributes.commands.map(({ title }) => words[title.slice(1, -1)] ?? title);

const PATH = /^(?:src|webview|test|media|\.ci)(?:\/[\w.-]+)*\/?$/;

/** Words between backticks, outside of blocks, and the parts of a command in them. */
const wordsOf = (text: string): string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].flatMap((match) =>
    (match[1] ?? '').split(' '),
  );

const isMissing = (file: string): boolean => !fs.existsSync(file);

/** The lines below a heading, up to the next of its level. */
function section(text: string, heading: string): string {
  const [, after] = text.split(`\n## ${heading}\n`);
  assert.ok(after !== undefined, `no section "${heading}"`);
  return after.split('\n## ')[0] ?? '';
}

/** Ids in the second column of a table. */
const idsIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => [...(line.split('|')[2] ?? '').matchAll(/`(\w+)`/g)])
    .map((match) => match[1] ?? '');

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

describe('documents', () => {
  for (const [name, text] of Object.entries(docs)) {
    it(`${name} names only files that exist`, () => {
      const named = wordsOf(text).filter((word) => PATH.test(word));
      assert.deepEqual(named.filter(isMissing), []);
      const linked = [...text.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map((one) => one[1] ?? '');
      assert.deepEqual(linked.filter(isMissing), []);
      assert.ok(named.length + linked.length > 3);
    });

    it(`${name} names only scripts that exist`, () => {
      const named = [...text.matchAll(/\bnpm (?:run )?([a-z:]+)/g)].map((match) => match[1] ?? '');
      assert.deepEqual(
        named.filter((script) => !(script in scripts)),
        [],
      );
    });

    it(`${name} names only settings that exist`, () => {
      const keys = Object.keys(settingSchemas);
      const named = [...text.matchAll(/`vramPilot\.([\w.]+)`/g)].map((match) => match[1] ?? '');
      assert.deepEqual(
        named.filter((key) => !keys.includes(key)),
        [],
      );
    });
  }

  it('README.md names only commands that exist', () => {
    const named = [...readme.matchAll(/_([A-Z][^_\n]*…)_|\*\*VRAM Pilot: ([^*]+)\*\*/g)];
    assert.ok(named.length > 3);
    assert.deepEqual(
      named.map((match) => match[1] ?? match[2] ?? '').filter((name) => !titles.includes(name)),
      [],
    );
  });

  it('CONTRIBUTING.md has every script and every room', () => {
    for (const script of Object.keys(scripts))
      assert.match(contributing, new RegExp(`\`npm (run )?${script}\``), script);
    for (const room of fs.readdirSync('src'))
      assert.ok(contributing.includes(`\`src/${room}\``), room);
  });

  it('README.md has every setting and every command of the CLI', () => {
    const settings = section(readme, 'Settings');
    for (const key of Object.keys(settingSchemas)) assert.ok(settings.includes(`\`${key}\``), key);
    for (const { name } of COMMANDS)
      assert.ok(section(readme, 'In a terminal').includes(name), name);
  });

  it('README.md has a row for every cause that a failure can be given, and no other', () => {
    const causes = [...Object.keys(vllmCauseTexts), ...Object.keys(ollamaCauseTexts)];
    assert.deepEqual(sorted(idsIn(section(readme, 'Troubleshooting'))), sorted(causes));
  });
});

describeWithData('troubleshooting of the log corpus', () => {
  it('README.md has a row for every label of the recorded failures', () => {
    const logs = readDataJson('log-corpus', 'index.json') as { readonly label: string }[];
    const ids = idsIn(section(readme, 'Troubleshooting'));
    console.log(`      ${String(logs.length)} logs`);
    assert.ok(logs.length > 0);
    assert.deepEqual(
      logs.filter(({ label }) => !ids.includes(label)),
      [],
    );
  });
});
