/** The real CLI as a process of its own. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Bundled by test/scripts/unit.mjs. */
const bundle = path.join(process.env.VRAM_PILOT_PROGRAMS ?? '', 'cli.cjs');

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without GPU tools on PATH unless a folder with them is given, so that every machine gives the same answers. */
export function runCli(
  args: readonly string[],
  {
    stdin = '',
    tools = '',
    cwd = scratch(),
    env = {},
  }: { stdin?: string; tools?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle, ...args], {
      cwd,
      env: { PATH: tools, HOME: cwd, OLLAMA_HOST: '127.0.0.1:1', ...env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => out.push(part));
    child.stderr.on('data', (part: Buffer) => err.push(part));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({
        code,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}

let folder: string | null = null;

/** A folder for this run of the tests; removed by {@link removeScratch}. */
export function scratch(): string {
  folder ??= fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-cli-'));
  return folder;
}

export function removeScratch(): void {
  if (folder !== null) fs.rmSync(folder, { recursive: true, force: true });
  folder = null;
}

/** Writes a file into the scratch folder and gives its path. */
export function scratchFile(name: string, content: unknown): string {
  const file = path.join(scratch(), name);
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}
