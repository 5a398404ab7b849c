// Starts VS Code's server on a free loopback port and names the address at which it shows a window.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

/** No gallery, no update, no telemetry, nothing in the way of the product. */
const QUIET_SETTINGS = {
  'security.workspace.trust.startupPrompt': 'never',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'telemetry.telemetryLevel': 'off',
  // Not set on purpose: "chat.disableAIFeatures" now and then leaves two live extension hosts in one window.
};

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function linkExtension(source, extensions) {
  const { publisher, name, version } = JSON.parse(
    fs.readFileSync(path.join(source, 'package.json'), 'utf8'),
  );
  fs.mkdirSync(extensions, { recursive: true });
  const link = path.join(extensions, `${publisher}.${name}-${version}`);
  if (!fs.existsSync(link)) fs.symlinkSync(source, link);
}

const serverMain = (hostFolder) => [
  path.join(hostFolder, 'node/bin/node'),
  path.join(hostFolder, 'vscode/out/server-main.js'),
];

const profileOf = (folder) => path.join(folder, 'server');

/** A server for itself: nothing that a surrounding VS Code or a profiler set. */
function ownEnvironment(env) {
  const inner = { ...env, EXTENSIONS_GALLERY: '{}' };
  for (const name of Object.keys(inner))
    if (/^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_V8_COVERAGE$)/.test(name)) delete inner[name];
  return inner;
}

/** Installs a packed extension into the profile, as a person does from the command line. */
export async function installVsix({ hostFolder, folder, vsix, env = process.env }) {
  const [node, main] = serverMain(hostFolder);
  const args = [
    ...['--install-extension', vsix, '--server-data-dir', profileOf(folder)],
    '--accept-server-license-terms',
  ];
  const { stdout } = await promisify(execFile)(node, [main, ...args], { env: ownEnvironment(env) });
  if (!stdout.includes('successfully installed')) throw new Error(`not installed: ${stdout}`);
}

/**
 * @param hostFolder made by install.mjs
 * @param folder temporary folder for everything the server writes; what is there is kept: a restart finds its profile
 * @param port null: a free one. A restart needs the same, because the window's storage goes by it
 * @param settings user and machine settings on top of the quiet ones
 * @param trust whether workspace trust is on
 * @param installed folders of extensions to install as links
 * @param forTests allows extensions in development and tests; VS Code then keeps notifications in their centre and
 *   shows no toasts, so a window for people or page scripts goes without it
 * @param onData called with what the server prints
 * @param onEnd called once with the reason when the server ends
 */
export async function startServer({
  hostFolder,
  folder,
  port: wantedPort = null,
  settings = {},
  trust = false,
  forTests = false,
  installed = [],
  env = process.env,
  extraArgs = [],
  onData = () => undefined,
  onEnd = () => undefined,
}) {
  const port = wantedPort ?? (await freePort());
  const data = profileOf(folder);
  for (const kind of ['Machine', 'User']) {
    fs.mkdirSync(path.join(data, 'data', kind), { recursive: true });
    fs.writeFileSync(
      path.join(data, 'data', kind, 'settings.json'),
      JSON.stringify({ ...QUIET_SETTINGS, ...settings }),
    );
  }
  for (const extension of installed) linkExtension(extension, path.join(data, 'extensions'));
  const [node, main] = serverMain(hostFolder);
  const args = [
    main,
    ...['--host', '127.0.0.1', '--port', String(port), '--server-data-dir', data],
    ...['--without-connection-token', '--accept-server-license-terms', '--telemetry-level', 'off'],
    ...(forTests ? ['--enable-smoke-test-driver'] : []),
    ...(trust ? [] : ['--disable-workspace-trust']),
    ...extraArgs,
  ];
  const child = spawn(node, args, {
    env: ownEnvironment(env),
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let seen = '';
  await new Promise((resolve, reject) => {
    const take = (data) => {
      onData(data);
      if (seen === null) return;
      seen += data;
      if (!seen.includes('Extension host agent listening')) return;
      seen = null;
      resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const why = `VS Code's server ended (${code ?? signal})`;
      if (seen !== null) reject(new Error(`${why}\n${seen}`));
      else onEnd(why);
    });
  });
  /** Ends it as a shutdown of the machine would: politely. Its terminals hang up. */
  const stop = async () => {
    onEnd = () => undefined;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  };
  return { port, stop };
}

/**
 * @param development folders of extensions in development
 * @param tests module to run as extension tests
 * @param folder folder to open, null for an empty window
 */
export function windowUrl({ port, development = [], tests = null, folder = null }) {
  const remote = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
  const payload = [
    ...development.map((file) => ['extensionDevelopmentPath', remote(file)]),
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ];
  if (tests !== null) payload.push(['extensionTestsPath', remote(tests)]);
  const url = new URL(`http://127.0.0.1:${port}/`);
  if (folder !== null) url.searchParams.set('folder', folder);
  else url.searchParams.set('ew', 'true');
  url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}
