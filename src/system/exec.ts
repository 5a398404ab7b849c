import fs from 'node:fs/promises';
import path from 'node:path';
import type { Environment, Exec, ExecSpec } from '../app/ports';
import { fail, ok, type Result } from '../shared/failure';
import { missing, runFile } from './execRun';
import { streamFile } from './execStream';

/** Tools only; servers go through the launcher. `environment` gives PATH and is handed to the tools. */
export function openExec(
  environment: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Exec {
  const find = (name: string): Promise<string | null> => findOnPath(name, environment, platform);
  async function locate(spec: Pick<ExecSpec, 'file' | 'signal'>): Promise<Result<string>> {
    const file = path.isAbsolute(spec.file) ? spec.file : await find(spec.file);
    if (file === null) return missing(spec.file);
    return spec.signal?.aborted === true
      ? fail('cancelled', `${spec.file} was not started`)
      : ok(file);
  }
  const plain = () => ({ ...environment, LC_ALL: 'C' });
  return {
    find,
    run: async (spec) => {
      const file = await locate(spec);
      return file.ok ? runFile(file.value, spec, plain()) : file;
    },
    stream: async (spec) => {
      const file = await locate(spec);
      return file.ok ? streamFile(file.value, spec, plain()) : file;
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
  // batch files run in a shell only
  const endings = isWindows ? ['.exe', '.com', ''] : [''];
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
