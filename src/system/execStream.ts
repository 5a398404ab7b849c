/** A tool that goes on printing. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Environment, StreamSpec } from '../app/ports';
import { ok, type Result } from '../shared/failure';
import { GIVE_UP_AFTER_KILL_MS, notStarted, quietly } from './execRun';

/**
 * Nothing outlives this process: a tool whose reader is gone dies of SIGPIPE at its next line, and on Windows with the
 * job that Node puts its children in.
 */
export function streamFile(
  file: string,
  spec: StreamSpec,
  env: Environment,
): Promise<Result<number | null>> {
  return new Promise((resolve) => {
    let child: ChildProcessByStdio<null, Readable, null>;
    try {
      child = spawn(file, spec.args, { ...quietly, env, stdio: ['ignore', 'pipe', 'ignore'] });
    } catch (error) {
      resolve(notStarted(spec.file, error));
      return;
    }
    child.on('error', (error) => resolve(notStarted(spec.file, error)));
    if (child.pid === undefined) return;
    let giveUp: NodeJS.Timeout | null = null;
    const finish = (result: Result<number | null>): void => {
      if (giveUp !== null) clearTimeout(giveUp);
      spec.signal.removeEventListener('abort', kill);
      child.stdout.destroy();
      resolve(result);
    };
    const kill = (): void => {
      child.kill('SIGKILL');
      // a grandchild may have it still; what it prints is nobody's any more
      child.stdout.destroy();
      giveUp = setTimeout(() => {
        child.unref();
        finish(ok(null));
      }, GIVE_UP_AFTER_KILL_MS);
    };
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      if (!spec.signal.aborted) spec.onText(text);
    });
    child.stdout.on('error', () => undefined);
    // not `close`: a grandchild may keep the pipe
    child.once('exit', (code) => finish(ok(code)));
    spec.signal.addEventListener('abort', kill, { once: true });
  });
}
