import fs from 'node:fs/promises';
import path from 'node:path';
import { execa, type Options } from 'execa';
import type { Exec, ExecOutput, ExecSpec } from '../app/ports';
import { fail, ok, type Result } from '../shared/failure';
import { streamFile } from './execStream';

const MAX_OUTPUT_BYTES = 8 * 1024 ** 2;
/** A child in state D cannot be killed and would hold its pipes for ever: after this they are closed from our side. */
const GIVE_UP_AFTER_KILL_MS = 2000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Tools only; servers go through the launcher. `environment` gives PATH and is handed to the tools. */
export function openExec(
  environment: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Exec {
  const find = (name: string): Promise<string | null> => findOnPath(name, environment, platform);
  async function locate(spec: Pick<ExecSpec, 'file' | 'signal'>): Promise<Result<string>> {
    const file = path.isAbsolute(spec.file) ? spec.file : await find(spec.file);
    if (file === null) return missing(spec);
    return spec.signal?.aborted === true
      ? fail('cancelled', `${spec.file} was not started`)
      : ok(file);
  }
  return {
    find,
    run: async (spec) => {
      const file = await locate(spec);
      return file.ok ? runFile(file.value, spec, environment) : file;
    },
    stream: async (spec) => {
      const file = await locate(spec);
      return file.ok ? streamFile(file.value, spec, { ...environment, LC_ALL: 'C' }) : file;
    },
  };
}

const missing = ({ file }: Pick<ExecSpec, 'file'>): Result<never> =>
  fail('toolMissing', `${file} was not found`);

async function runFile(
  file: string,
  spec: ExecSpec,
  environment: Environment,
): Promise<Result<ExecOutput>> {
  const options = {
    shell: false,
    stdin: 'ignore',
    env: { ...environment, LC_ALL: 'C', ...spec.env },
    extendEnv: false,
    preferLocal: false,
    reject: false,
    stripFinalNewline: false,
    timeout: spec.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...(spec.signal === undefined ? {} : { cancelSignal: spec.signal }),
  } as const satisfies Options;
  const child = execa(file, [...spec.args], options);
  const giveUp = giveUpAfter(child, spec);
  const result = await Promise.race([child, giveUp.promise]);
  giveUp.cancel();
  if (result === null || result.timedOut)
    return spec.signal?.aborted === true
      ? fail('cancelled', `${spec.file} was cancelled`)
      : fail('timedOut', `${spec.file} did not answer within ${spec.timeoutMs} ms`);
  if (result.isCanceled) return fail('cancelled', `${spec.file} was cancelled`);
  if (result.isMaxBuffer) return fail('failed', `${spec.file} printed more than 8 MiB`);
  if (result.exitCode === undefined && result.signal === undefined) {
    if (result.code === 'ENOENT') return missing(spec);
    return fail('failed', `${spec.file} could not be started: ${result.code ?? 'unknown error'}`);
  }
  return ok({
    stdout: result.stdout,
    stderr: result.stderr,
    exitCode: result.exitCode ?? null,
  });
}

/** What is needed of a child to stop waiting for it. */
interface LetGo {
  readonly stdout: { destroy(): unknown } | null;
  readonly stderr: { destroy(): unknown } | null;
  unref(): void;
}

/** Resolves with null when the child should have been dead for two seconds; its pipes are closed then. */
function giveUpAfter(
  child: LetGo,
  { timeoutMs, signal }: ExecSpec,
): { readonly promise: Promise<null>; readonly cancel: () => void } {
  let resolveNull: (value: null) => void = () => undefined;
  const promise = new Promise<null>((resolve) => (resolveNull = resolve));
  const letGo = (): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
    resolveNull(null);
  };
  let timer = setTimeout(letGo, timeoutMs + GIVE_UP_AFTER_KILL_MS);
  const onAbort = (): void => {
    clearTimeout(timer);
    timer = setTimeout(letGo, GIVE_UP_AFTER_KILL_MS);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    promise,
    cancel: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** Empty and relative parts of PATH mean the current folder, which in an editor is somebody's project: skipped. */
async function findOnPath(
  name: string,
  environment: Environment,
  platform: NodeJS.Platform,
): Promise<string | null> {
  const isWindows = platform === 'win32';
  const rules = isWindows ? path.win32 : path.posix;
  if (name === '' || rules.basename(name) !== name) return null;
  const variable = isWindows ? (environment.Path ?? environment.PATH) : environment.PATH;
  const endings = isWindows ? ['.exe', '.com', '.cmd', '.bat', ''] : [''];
  for (const folder of (variable ?? '').split(rules.delimiter)) {
    if (!rules.isAbsolute(folder)) continue;
    for (const ending of endings) {
      const candidate = rules.join(folder, name + ending);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return null;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await fs.access(file, fs.constants.X_OK);
    return (await fs.stat(file)).isFile();
  } catch {
    return false;
  }
}
