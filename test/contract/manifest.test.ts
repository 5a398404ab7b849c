import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as z from 'zod/mini';
import { settingSchemas } from '../../src/app/settings';
import {
  COMMANDS,
  CONTEXT_KEYS,
  PANEL_TYPE,
  SETTINGS_SECTION,
  TASK_TYPE,
  VIEWS,
} from '../../src/vscode/contributions';
import { allProperties, contributes, manifest, properties, text } from '../support/manifest';

/** Only a row of a view says what they are about. */
const NEED_A_ROW = [
  'vramPilot.cancelQueued',
  'vramPilot.deleteProfile',
  'vramPilot.deployProfile',
  'vramPilot.removeServer',
];

const sorted = (names: Iterable<string>) => [...names].sort();

describe('package.json', () => {
  it('declares exactly the commands that the code registers', () => {
    assert.deepEqual(
      sorted(contributes.commands.map(({ command }) => command)),
      sorted(Object.values(COMMANDS)),
    );
  });

  it('uses only declared commands in menus and links', () => {
    const focus = Object.values(VIEWS).map((view) => `${view}.focus`);
    const declared = new Set<string>([...Object.values(COMMANDS), ...focus]);
    const used = [
      ...Object.values(contributes.menus).flatMap((entries) => entries.map((e) => e.command)),
      ...[...text.matchAll(/command:(vramPilot\.[\w.]+)/g)].map((match) => match[1] ?? ''),
    ];
    assert.deepEqual(
      used.filter((command) => !declared.has(command)),
      [],
    );
  });

  it('declares exactly the views of the code, and conditions name existing keys', () => {
    assert.deepEqual(
      sorted(Object.values(contributes.views).flatMap((views) => views.map(({ id }) => id))),
      sorted(Object.values(VIEWS)),
    );
    const known = new Set<string>([...Object.values(VIEWS), ...Object.values(CONTEXT_KEYS)]);
    const conditions = [
      ...Object.values(contributes.menus).flatMap((entries) => entries.map((e) => e.when ?? '')),
      ...contributes.viewsWelcome.map(({ when }) => when ?? ''),
      ...contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ when }) => when ?? '')),
    ];
    const named = conditions.flatMap((condition) => condition.match(/vramPilot\.\w+/g) ?? []);
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
    );
  });

  it('activates for its task type and its panel', () => {
    assert.deepEqual(
      contributes.taskDefinitions.map(({ type }) => type),
      [TASK_TYPE],
    );
    assert.ok(manifest.activationEvents.includes(`onTaskType:${TASK_TYPE}`));
    assert.ok(manifest.activationEvents.includes(`onWebviewPanel:${PANEL_TYPE}`));
  });

  it('declares exactly the settings of the schema, at most 30', () => {
    assert.deepEqual(sorted(properties.map(({ key }) => key)), sorted(Object.keys(settingSchemas)));
    assert.ok(properties.length <= 30);
  });

  for (const { key, property } of properties) {
    const schema = settingSchemas[key as keyof typeof settingSchemas] as z.ZodMiniType | undefined;

    it(`${key}: default, range and choices as in the schema, with a description`, () => {
      assert.ok(schema, `no schema for ${key}`);
      assert.deepEqual(property.default, z.parse(schema, undefined));
      assert.ok(property.markdownDescription);
      assert.doesNotMatch(property.markdownDescription, /^%/);
      const accepts = (value: unknown) => z.safeParse(schema, value).success;
      assert.ok(accepts(property.default));
      const { minimum, maximum, exclusiveMinimum } = property;
      if (/number|integer/.test(property.type)) {
        if (minimum !== undefined)
          assert.deepEqual([accepts(minimum), accepts(minimum - 0.5)], [true, false]);
        if (maximum !== undefined)
          assert.deepEqual([accepts(maximum), accepts(maximum + 0.5)], [true, false]);
        if (exclusiveMinimum !== undefined) assert.equal(accepts(exclusiveMinimum), false);
        assert.equal(accepts('text'), false);
      }
      if (property.pattern !== undefined) {
        const pattern = new RegExp(property.pattern);
        for (const value of [
          '',
          '/a/b',
          'C:\\\\a',
          '\\\\\\\\host\\\\a',
          'a/b',
          './a',
          'a b',
          'http://a:1',
        ])
          assert.equal(accepts(value), pattern.test(value), `"${value}"`);
        assert.ok(property.patternErrorMessage, 'says what is right');
      }
      if (property.enum) {
        assert.equal(property.enumDescriptions?.length, property.enum.length);
        for (const choice of property.enum) assert.ok(accepts(choice), choice);
        assert.equal(accepts('no such choice'), false);
      }
    });
  }

  it('lets no workspace choose programs, arguments or their environment', () => {
    const dangerous = properties
      .map(({ key }) => key)
      .filter((key) => /executablePath|extraArguments|environment|\.host$/.test(key));
    assert.ok(dangerous.length >= 4);
    const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    for (const key of dangerous) {
      const scope = allProperties[`${SETTINGS_SECTION}.${key}`]?.scope;
      assert.match(scope ?? '', /^machine/, `${key} must be machine-scoped`);
      assert.ok(restrictedConfigurations.includes(`${SETTINGS_SECTION}.${key}`), key);
    }
    for (const name of restrictedConfigurations)
      assert.ok(name in allProperties, `${name} does not exist`);
  });

  it('names an icon that exists and no registry or machine path', () => {
    assert.ok(fs.existsSync(manifest.icon));
    const lock = fs.readFileSync('package-lock.json', 'utf8');
    assert.doesNotMatch(lock, /"resolved"/);
  });

  it('hides from the palette what only a row can say, and nothing else', () => {
    const hidden = (contributes.menus.commandPalette ?? []).filter(({ when }) => when === 'false');
    assert.deepEqual(sorted(hidden.map(({ command }) => command)), NEED_A_ROW);
  });

  it('names each command with capitals, under one category, with a codicon where it is a button', () => {
    const buttons = new Set(
      Object.values(contributes.menus).flatMap((entries) =>
        entries
          .filter(({ group }) => /^(navigation|inline)/.test(group ?? ''))
          .map((e) => e.command),
      ),
    );
    for (const { command, title, category, icon } of contributes.commands) {
      assert.equal(category, 'VRAM Pilot', command);
      // names are written as they are, and so are the little words
      const words = title.replace(/…$/, '').split(' ');
      const small = words.filter((word) => !/^[A-Z]/.test(word));
      assert.ok(/^[A-Z]/.test(title), title);
      assert.deepEqual(
        small.filter(
          (word) => !/^(curl|vLLM|a|an|and|as|for|from|of|or|the|to|was|with)$/.test(word),
        ),
        [],
        title,
      );
      if (buttons.has(command))
        assert.match(icon ?? '', /^\$\([a-z-]+\)$/, `${command} needs an icon`);
    }
  });

  it('groups the settings in titled sections, in order', () => {
    const sections = contributes.configuration;
    assert.ok(sections.length >= 5);
    assert.deepEqual(
      sections.map(({ order }) => order),
      sections.map((_, at) => at + 1),
    );
    for (const { title, properties: members } of sections) {
      assert.ok(title.length > 0);
      const orders = Object.values(members).map(({ order }) => order ?? 0);
      assert.deepEqual(
        orders,
        [...new Set(orders)].sort((a, b) => a - b),
        title,
      );
    }
  });

  it('links from one setting only to others that exist', () => {
    const linked = [...text.matchAll(/`#([^#`]+)#`/g)].map((match) => match[1] ?? '');
    const opened = [
      ...text.matchAll(/openSettings\?%5B%22([\w.]+)%22%5D/g),
      ...text.matchAll(/openRemoteSettings\?%5B%7B%22query%22%3A%22([\w.]+)%22%7D%5D/g),
    ].map((match) => match[1] ?? '');
    assert.ok(linked.length > 5 && opened.length > 2);
    assert.deepEqual(
      [...linked, ...opened].filter((key) => !(key in allProperties)),
      [],
    );
  });
});
