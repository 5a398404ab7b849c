/**
 * The CLI under test: {@link runCli} in this process, over the real doors to the machine, and {@link startCli} as a
 * process of its own, which takes a hundred times as long: for what only a process has.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runCommandLine } from '../../../src/commandLine';
import { openExec } from '../../../src/system/exec';
import { openSystem } from '../../../src/system/openSystem';
import { llama8bGguf } from '../../fixtures/planner/ggufs';
import { RecordingLog } from '../../support/fakePorts';
import { programPath } from '../../support/programs';

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliSurroundings {
  readonly stdin?: string;
  /** A folder with GPU tools; without it none is on PATH, so that every machine gives the same answers. */
  readonly tools?: string;
  readonly env?: Record<string, string>;
}

const environmentOf = ({ tools = '', env }: CliSurroundings): Record<string, string> => ({
  PATH: tools,
  HOME: scratch(),
  OLLAMA_HOST: '127.0.0.1:1',
  ...env,
});

export async function runCli(
  args: readonly string[],
  surroundings: CliSurroundings = {},
): Promise<CliRun> {
  const { stdin = '' } = surroundings;
  const environment = environmentOf(surroundings);
  const { files, ...system } = openSystem();
  const home = scratch();
  const at = (file: string): string => path.resolve(home, file);
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(args, {
    ...system,
    exec: openExec(environment),
    files: {
      ...files,
      stat: (file) => files.stat(at(file)),
      readText: (file, maxBytes) => files.readText(at(file), maxBytes),
      homeFolder: () => home,
    },
    log: new RecordingLog(),
    environment,
    readStdin: () => Promise.resolve(stdin),
    readLines: () => assert.fail('only a process has lines to read'),
    write: (text) => {
      stdout += text;
      return Promise.resolve();
    },
    writeError: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

export function startCli(
  args: readonly string[],
  surroundings: CliSurroundings = {},
): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [programPath('cli'), ...args], {
    cwd: scratch(),
    env: environmentOf(surroundings),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(surroundings.stdin ?? '');
  return child;
}

export function endOf(child: ChildProcessWithoutNullStreams): Promise<CliRun> {
  return new Promise((resolve, reject) => {
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
  });
}

export const ollamaRequest = (gib: number, options: object = { numCtx: 8192 }): object => ({
  engine: 'ollama',
  engineVersion: '0.32.15',
  model: { name: 'llama3.1:8b', gguf: llama8bGguf },
  gpus: [{ totalBytes: gib * 1024 ** 3 }],
  options,
});

/** The JSON document that is all of standard output. */
export const answerOf = (run: CliRun): Record<string, unknown> => {
  assert.equal(run.stdout.trim().split('\n').length, 1, 'one JSON document and nothing else');
  return JSON.parse(run.stdout) as Record<string, unknown>;
};

/** Nothing on standard output, one line on standard error, no stack. */
export async function assertRefused(
  running: Promise<CliRun>,
  code: number,
  message: RegExp,
): Promise<void> {
  const run = await running;
  assert.equal(run.code, code, run.stderr);
  assert.equal(run.stdout, '');
  assert.match(run.stderr, message);
  assert.equal(run.stderr.trimEnd().split('\n').length, 1, run.stderr);
  assert.doesNotMatch(run.stderr, /\bat .*:\d+:\d+/);
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
