/** The sources as text, for contract tests that read what they import and say. */
import fs from 'node:fs';
import path from 'node:path';

export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly SourceImport[];
}

export interface SourceImport {
  /** As written: a package, or a path from the repository's root for a relative one. */
  readonly target: string;
  readonly isTypeOnly: boolean;
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT =
  /\b(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?'([^'\n]+)'|\bimport\('([^'\n]+)'\)/g;

function importsOf(file: string, text: string): SourceImport[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((match) => {
    const name = match[3] ?? match[4] ?? '';
    const target = name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name) : name;
    return { target, isTypeOnly: match[2] !== undefined };
  });
}

/** Good enough for sources that prettier formatted: comments on lines of their own, or behind code. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

/** All TypeScript files under the folders, in order. */
export function readSources(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    fs
      .readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .sort()
      .map((name) => {
        const file = path.posix.join(folder, name.split(path.sep).join('/'));
        const text = fs.readFileSync(file, 'utf8');
        return { path: file, text, imports: importsOf(file, text) };
      }),
  );
}
