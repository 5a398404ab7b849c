/**
 * A tool that answers and ends. Node's own spawn: execa 9 took 20 ms of CPU for a window's first call and 2 ms more than
 * this for each later one (measured), and was a seventh of the bundle.
 */
import { spawn, type ChildProcessByStdio, type SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Environment, ExecOutput, ExecSpec } from '../app/ports';
import { fail, ok, type Failure, type Result } from '../shared/failure';

const MAX_OUTPUT_CHARACTERS = 8 * 1024 ** 2;
/** A child in state D cannot be killed and would hold its pipes for ever: after this they are closed from our side. */
export const GIVE_UP_AFTER_KILL_MS = 2000;

/** `file` is the path that was found for `spec.file`; `env` all of the tool's environment but what the spec adds. */
export function runFile(
  file: string,
  spec: ExecSpec,
  env: Environment,
): Promise<Result<ExecOutput>> {
  return new Promise((resolve) => {
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      child = spawn(file, spec.args, {
        ...quietly,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...env, ...spec.env },
        ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      });
    } catch (error) {
      resolve(notStarted(spec.file, error));
      return;
    }
    child.on('error', (error) => resolve(notStarted(spec.file, error)));
    // it was not started (no file descriptors left, say): `error` follows, and there are no pipes to read
    if (child.pid === undefined) return;
    const output = { stdout: '', stderr: '' };
    let killedFor: Failure | null = null;
    let isGone = false;
    let giveUp: NodeJS.Timeout | undefined;

    const finish = (result: Result<ExecOutput>): void => {
      clearTimeout(late);
      clearTimeout(giveUp);
      spec.signal?.removeEventListener('abort', cancel);
      // a grandchild may have them still; what it prints is nobody's any more
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(result);
    };
    const kill = (failure: Failure): void => {
      if (killedFor) return;
      killedFor = failure;
      const end = () => finish({ ok: false, failure });
      if (isGone) {
        end();
        return;
      }
      child.kill('SIGKILL');
      giveUp = setTimeout(() => {
        child.unref();
        end();
      }, GIVE_UP_AFTER_KILL_MS);
    };
    const late = setTimeout(() => {
      const detail = `${spec.file} did not answer within ${String(spec.timeoutMs)} ms`;
      kill({ reason: 'timedOut', detail });
    }, spec.timeoutMs);
    const cancel = () => kill({ reason: 'cancelled', detail: `${spec.file} was cancelled` });
    spec.signal?.addEventListener('abort', cancel, { once: true });

    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text: string) => {
        output[name] += text;
        if (output[name].length > MAX_OUTPUT_CHARACTERS)
          kill({ reason: 'failed', detail: `${spec.file} printed more than 8 MiB` });
      });
      child[name].on('error', () => undefined);
    }
    child.once('exit', () => {
      isGone = true;
      if (killedFor) finish({ ok: false, failure: killedFor });
    });
    // not before: the last output may come after the exit
    child.once('close', (exitCode) => finish(ok({ ...output, exitCode })));
  });
}

/** How every tool is started. */
export const quietly = { shell: false, windowsHide: true } as const satisfies SpawnOptions;

export const missing = (file: string): Result<never> =>
  fail('toolMissing', `${file} was not found`);

/** Of what spawn throws or tells as an event. */
export function notStarted(file: string, error: unknown): Result<never> {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT'
    ? missing(file)
    : fail('failed', `${file} could not be started: ${code ?? String(error)}`);
}
