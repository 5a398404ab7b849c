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

interface Property {
  readonly type: string;
  readonly default: unknown;
  readonly scope?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly markdownDescription?: string;
}

interface Manifest {
  readonly icon: string;
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] };
  };
  readonly contributes: {
    readonly commands: readonly { command: string; title: string; category: string }[];
    readonly menus: Record<string, readonly { command: string; when?: string }[]>;
    readonly views: Record<string, readonly { id: string }[]>;
    readonly viewsWelcome: readonly { view: string; contents: string; when?: string }[];
    readonly taskDefinitions: readonly { type: string }[];
    readonly configuration: { readonly properties: Record<string, Property> };
  };
}

const text = fs.readFileSync('package.json', 'utf8');
const manifest = JSON.parse(text) as Manifest;
const { contributes } = manifest;
const properties = Object.entries(contributes.configuration.properties).map(([key, property]) => ({
  key: key.replace(`${SETTINGS_SECTION}.`, ''),
  property,
}));

const sorted = (names: Iterable<string>) => [...names].sort();

describe('package.json', () => {
  it('declares exactly the commands that the code registers', () => {
    assert.deepEqual(
      sorted(contributes.commands.map(({ command }) => command)),
      sorted(Object.values(COMMANDS)),
    );
  });

  it('uses only declared commands in menus and links', () => {
    const declared = new Set<string>(Object.values(COMMANDS));
    const used = [
      ...Object.values(contributes.menus).flatMap((entries) => entries.map((e) => e.command)),
      ...[...text.matchAll(/command:(vramPilot\.\w+)/g)].map((match) => match[1] ?? ''),
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
      assert.ok(property.description ?? property.markdownDescription);
      const accepts = (value: unknown) => z.safeParse(schema, value).success;
      assert.ok(accepts(property.default));
      const { minimum, maximum, exclusiveMinimum } = property;
      if (property.type === 'number') {
        if (minimum !== undefined)
          assert.deepEqual([accepts(minimum), accepts(minimum - 0.5)], [true, false]);
        if (maximum !== undefined)
          assert.deepEqual([accepts(maximum), accepts(maximum + 0.5)], [true, false]);
        if (exclusiveMinimum !== undefined) assert.equal(accepts(exclusiveMinimum), false);
        assert.equal(accepts('text'), false);
      }
      if (property.enum) {
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
      const scope = contributes.configuration.properties[`${SETTINGS_SECTION}.${key}`]?.scope;
      assert.match(scope ?? '', /^machine/, `${key} must be machine-scoped`);
      assert.ok(restrictedConfigurations.includes(`${SETTINGS_SECTION}.${key}`), key);
    }
    for (const name of restrictedConfigurations)
      assert.ok(name in contributes.configuration.properties, `${name} does not exist`);
  });

  it('names an icon that exists and no registry or machine path', () => {
    assert.ok(fs.existsSync(manifest.icon));
    const lock = fs.readFileSync('package-lock.json', 'utf8');
    assert.doesNotMatch(lock, /"resolved"/);
  });
});
