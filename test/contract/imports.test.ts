import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { readSources, withoutComments, type SourceFile } from '../support/sourceFiles';

/** Rooms by what they may import from other rooms; `types` only by `import type`. */
interface Rule {
  readonly rooms: readonly string[];
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  readonly node?: boolean;
}

const PURE = ['shared', 'gpu', 'models', 'planner', 'engines', 'processes', 'learning'];

const RULES: Record<string, Rule> = {
  shared: { rooms: [] },
  gpu: { rooms: ['shared'] },
  models: { rooms: ['shared'] },
  planner: { rooms: ['gpu', 'models', 'shared'] },
  engines: { rooms: ['planner', 'models', 'gpu', 'shared'] },
  processes: { rooms: ['gpu', 'shared'] },
  learning: { rooms: ['planner', 'engines', 'gpu', 'shared'] },
  app: { rooms: PURE },
  system: {
    rooms: ['shared'],
    types: ['app/ports', 'processes', 'gpu'],
    node: true,
  },
  vscode: { rooms: ['app', 'shared'], types: PURE, packages: ['vscode'], node: true },
  'extension.ts': { rooms: ['app', 'system', 'vscode', ...PURE], packages: ['vscode'], node: true },
  // package.json: the version
  'commandLine.ts': { rooms: ['app'], packages: ['package.json'], node: true },
  'cli.ts': { rooms: ['app', 'system', 'commandLine'], node: true },
  webview: {
    rooms: [
      ...['shared', 'planner', 'models', 'gpu'],
      ...[
        'engines/vllm/command',
        'engines/vllm/argumentOptions',
        'engines/vllm/keyArguments',
        'engines/ollama/command',
      ],
    ],
    // the command preview's own types
    types: ['engines'],
    packages: ['@vscode/webview-ui-toolkit'],
  },
};

/** Reached by a name without import: timers, clock, environment, network. */
const IMPURE_NAMES =
  /\b(setTimeout|setInterval|setImmediate|Date\.now|new Date\(\)|performance\.now|process\.(?:env|platform|arch|cwd|argv|exit|hrtime|stdout|nextTick)\b|Math\.random|fetch\()/;

const files = readSources('src', 'webview');

function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'src' ? second : top;
}

function isWithin(target: string, rooms: readonly string[]): boolean {
  const inSrc = target.replace(/^src\//, '');
  return rooms.some((room) => inSrc === room || inSrc.startsWith(`${room}/`));
}

function isNodeBuiltIn(target: string): boolean {
  return target.startsWith('node:') || builtinModules.includes(target);
}

function violationsOf(file: SourceFile): string[] {
  const room = roomOf(file.path);
  const rule = RULES[room];
  if (!rule) return [`${file.path}: no rule for the room "${room}"`];
  return file.imports
    .filter(({ target, isTypeOnly }) => {
      if (target === 'zod/mini') return false;
      if (isNodeBuiltIn(target)) return !rule.node;
      if (!target.startsWith('src/') && !target.startsWith('webview/'))
        return !rule.packages?.some((name) => target === name || target.startsWith(`${name}/`));
      if (roomOf(target) === room) return false;
      return !isWithin(target, rule.rooms) && !(isTypeOnly && isWithin(target, rule.types ?? []));
    })
    .map(({ target }) => `${file.path} imports ${target}`);
}

describe('imports', () => {
  it('finds the sources and their imports', () => {
    assert.ok(files.length > 50, `only ${String(files.length)} files`);
    const entry = files.find(({ path }) => path === 'src/extension.ts');
    assert.ok(entry?.imports.some(({ target }) => target === 'vscode'));
  });

  it('sees a forbidden import', () => {
    const imports = [{ target: 'node:fs', isTypeOnly: false }];
    assert.equal(violationsOf({ path: 'src/gpu/x.ts', text: '', imports }).length, 1);
    const typeOnly = [{ target: 'src/app/ports', isTypeOnly: true }];
    assert.equal(violationsOf({ path: 'src/system/x.ts', text: '', imports: typeOnly }).length, 0);
    assert.equal(violationsOf({ path: 'src/gpu/x.ts', text: '', imports: typeOnly }).length, 1);
  });

  it('keeps every room to the rooms and packages it may know', () => {
    assert.deepEqual(files.flatMap(violationsOf), []);
  });

  it('keeps timers, clock, environment and chance out of the pure rooms', () => {
    const impure = files
      .filter(({ path }) => PURE.includes(roomOf(path)))
      .flatMap(({ path, text }) => {
        const found = IMPURE_NAMES.exec(withoutComments(text));
        return found ? [`${path}: ${found[1] ?? ''}`] : [];
      });
    assert.deepEqual(impure, []);
  });

  it('reaches VS Code only from its room and the front door', () => {
    const share = files.filter(({ imports }) => imports.some(({ target }) => target === 'vscode'));
    assert.ok(share.length / files.length < 0.3);
    for (const { path } of share) assert.match(path, /^src\/(vscode\/|extension\.ts$)/);
  });

  it('has no default exports', () => {
    const withDefault = files.filter(({ text }) => /^export default/m.test(text));
    assert.deepEqual(
      withDefault.map(({ path }) => path),
      [],
    );
  });
});
