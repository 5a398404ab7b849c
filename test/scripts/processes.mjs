// Runs programs for the scripts: no shell, clear errors, output inherited or captured.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Something the user has to bring; printed without a stack. */
export class Missing extends Error {}

/**
 * Runs a program to its end.
 * @returns {Promise<{ code: number, stdout: string }>} code 1 stands for an end by a signal
 */
export function run(file, args, { capture = false, quiet = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', capture || quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
      ...options,
    });
    let stdout = '';
    let everything = '';
    child.stdout?.on('data', (data) => {
      stdout += data;
      everything += data;
    });
    child.stderr?.on('data', (data) => (everything += data));
    child.on('error', reject);
    child.on('close', (code) => {
      if (quiet && code !== 0) process.stderr.write(everything);
      resolve({ code: code ?? 1, stdout });
    });
  });
}

/** Like `run`, but an exit code other than 0 is an error. */
export async function must(file, args, options) {
  const { code, stdout } = await run(file, args, options);
  if (code !== 0) throw new Error(`${path.basename(file)} ${args.join(' ')} ended with ${code}`);
  return stdout;
}

/** Like `must` for a program that downloads: registries stumble, so it is run up to three times. */
export async function mustDownload(file, args, options) {
  for (let triesLeft = 2; ; triesLeft--) {
    try {
      return await must(file, args, options);
    } catch (error) {
      if (triesLeft === 0) throw error;
      console.error(`${error.message}; trying again in 10 s`);
      await sleep(10_000);
    }
  }
}

/**
 * npm in another folder. A script that npm started carries npm's own view of the project in its environment;
 * the parts that would tie the inner npm to this package are taken out, configured registries stay.
 */
export function npm(args, { cwd, ...options }) {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (/^npm_(package_|lifecycle_|config_local_prefix$|config_prefix$)/i.test(name))
      delete env[name];
  const common = ['--no-audit', '--no-fund', '--loglevel=error'];
  // npm's own JavaScript file where npm tells it (npm run), else the npm on PATH (npm.cmd needs a shell on Windows).
  const cli = process.env.npm_execpath;
  return cli && cli.endsWith('.js')
    ? mustDownload(process.execPath, [cli, ...args, ...common], { cwd, env, ...options })
    : mustDownload('npm', [...args, ...common], {
        cwd,
        env,
        shell: process.platform === 'win32',
        ...options,
      });
}

/** Absolute path of an executable on PATH, or null. */
export function findOnPath(name) {
  const endings =
    process.platform === 'win32' ? (process.env.PATHEXT ?? '.EXE;.CMD').split(';') : [''];
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return null;
}

const isDebianRoot = () => process.getuid?.() === 0 && findOnPath('apt-get') !== null;

/**
 * Makes sure of a system program: as root on Debian by installing its package, elsewhere by saying what is missing.
 * @param works returns a truthy value (which is handed back) once the program is there
 */
export async function systemProgram({ name, packages, works }) {
  const found = await works();
  if (found) return found;
  if (isDebianRoot()) {
    console.error(`installing ${packages.join(' ')} for ${name} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await mustDownload('apt-get', ['update', '-q'], { quiet: true, env });
    await mustDownload('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], {
      quiet: true,
      env,
    });
    const installed = await works();
    if (installed) return installed;
  }
  throw new Missing(
    `${name} is missing. Install it (Debian and Ubuntu: sudo apt-get install ${packages.join(' ')}) and run this again.`,
  );
}

/** Runs a script's main function: what the user must bring is printed as one line, bugs with their stack. */
export function main(body) {
  body().catch((error) => {
    console.error(error instanceof Missing ? error.message : error);
    process.exit(1);
  });
}
