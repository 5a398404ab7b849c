// A real llama.cpp for tests, prebuilt for the CPU and from npm alone: 10 s, 85 MB. Without the optional packages, which
// would bring the CUDA and Vulkan builds (725 MB); no install script runs, nothing is compiled.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder } from '../../scripts/paths.mjs';
import { Missing, main, npm } from '../../scripts/processes.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const RECIPE = ['package.json', 'package-lock.json'];

/** MIT, as llama.cpp itself; holds llama.cpp v0.5.0. */
export const LLAMA_PACKAGE = 'node-llama-cpp 3.22.1';

const folder = path.join(cacheFolder, LLAMA_PACKAGE.replace(' ', '-'));
const stamp = path.join(folder, '.complete');

function recipeHash() {
  const hash = createHash('sha256');
  for (const name of RECIPE) hash.update(fs.readFileSync(path.join(here, name)));
  return hash.digest('hex');
}

function isInstalled() {
  try {
    return fs.readFileSync(stamp, 'utf8') === recipeHash();
  } catch {
    return false;
  }
}

/** @returns {Promise<string>} the module to import */
export async function installLlama() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Missing(
      `the tests' llama.cpp is for linux-x64, this is ${process.platform}-${process.arch}.`,
    );
  if (!isInstalled()) {
    console.error(`installing ${LLAMA_PACKAGE} into ${folder} (85 MB) …`);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    for (const name of RECIPE) fs.copyFileSync(path.join(here, name), path.join(folder, name));
    // not `ci`: some platforms' builds of this version were never published, and a lock can't name what isn't there
    await npm(['install', '--omit=optional', '--ignore-scripts'], { cwd: folder, quiet: true });
    fs.writeFileSync(stamp, recipeHash());
  }
  return path.join(folder, 'node_modules/node-llama-cpp/dist/index.js');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main(async () => console.log(await installLlama()));
