/** package.json as VS Code reads it: each key replaced by its text in package.nls.json. */
import fs from 'node:fs';
import { SETTINGS_SECTION } from '../../src/vscode/contributions';

export interface Property {
  readonly type: string;
  readonly default: unknown;
  readonly scope?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
  readonly pattern?: string;
  readonly patternErrorMessage?: string;
  readonly markdownDescription?: string;
  readonly order?: number;
}

export interface Step {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly media: { readonly svg: string; readonly altText: string };
  readonly completionEvents: readonly string[];
  readonly when?: string;
}

export interface Manifest {
  readonly icon: string;
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] };
  };
  readonly contributes: {
    readonly commands: readonly {
      command: string;
      title: string;
      category: string;
      icon?: string;
    }[];
    readonly menus: Record<string, readonly { command: string; when?: string; group?: string }[]>;
    readonly views: Record<string, readonly { id: string }[]>;
    readonly viewsWelcome: readonly { view: string; contents: string; when?: string }[];
    readonly taskDefinitions: readonly { type: string }[];
    readonly walkthroughs: readonly { id: string; title: string; steps: readonly Step[] }[];
    readonly configuration: readonly {
      readonly title: string;
      readonly order: number;
      readonly properties: Record<string, Property>;
    }[];
  };
}

/** Texts by the keys that stand for them in package.json. */
export const texts = JSON.parse(fs.readFileSync('package.nls.json', 'utf8')) as Record<
  string,
  string
>;
export const written = fs.readFileSync('package.json', 'utf8');
/** As VS Code reads it: each key replaced by its text. */
export const text = written.replaceAll(/"%([^%\s"]+)%"/g, (found, key: string) =>
  key in texts ? JSON.stringify(texts[key]) : found,
);
export const manifest = JSON.parse(text) as Manifest;
export const { contributes } = manifest;
export const allProperties = Object.assign(
  {},
  ...contributes.configuration.map((section) => section.properties),
) as Record<string, Property>;
/** Settings without the section's name. */
export const properties = Object.entries(allProperties).map(([key, property]) => ({
  key: key.replace(`${SETTINGS_SECTION}.`, ''),
  property,
}));
