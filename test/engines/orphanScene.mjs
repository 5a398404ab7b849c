// Real vLLM servers that lose their front end, and the product's own cleaner looking at what they leave behind.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, livingGroup } from '../support/processes.mjs';
import { out, root } from '../scripts/paths.mjs';
import { engineEnvironment } from './install.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The rooms under test, bundled: `{ openLinuxProcessTable, openClock, openFiles, inspectHolders, endHolders }` */
export async function loadCleaner() {
  const { build } = await import('esbuild');
  const outfile = path.join(out, 'test', `orphans-${process.pid}.cjs`);
  await build({
    stdin: {
      contents: `
        export { openLinuxProcessTable } from './src/system/linuxProcessTable';
        export { openClock } from './src/system/clock';
        export { openFiles } from './src/system/files';
        export { inspectHolders, endHolders } from './src/app/holders/cleaner';`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
  });
  try {
    return createRequire(import.meta.url)(outfile);
  } finally {
    fs.rmSync(outfile, { force: true });
  }
}

function endProcess(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

export async function eventually(look, what, timeoutMs = 240_000) {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await sleep(100);
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A job of a shell of its own, as a person starts it and then goes. */
const IN_SHELL = ['bash', '-c', 'set -m; "$@" & echo $!; wait', 'bash'];
const HOST = [path.join(here, 'orphanHost.py')];

/** How a server is started: words before its own command, each printing the server's pid first. */
const WAYS = {
  job: () => IN_SHELL,
  setsid: () => ['bash', '-c', 'setsid "$@" & echo $!; wait', 'bash'],
  terminal: (python) => [python, ...HOST, 'terminal'],
  subreaper: (python) => [python, ...HOST, 'subreaper'],
};

/**
 * @returns `{ main, port, members(), kill(), close(), end() }`: `main` is the front end's pid, which leads its group;
 * `close` ends what it was started in; `end` everything of it, by pid
 */
export async function startServer({ vllm, models, way, extra = [] }) {
  const python = path.join(vllm, 'bin/python');
  const port = await freePort();
  const logFile = path.join(out, 'test', `orphans-${process.pid}-${port}.log`);
  const log = fs.openSync(logFile, 'a');
  const command = [
    ...[python, path.join(vllm, 'bin/vllm'), 'serve', path.join(models, 'tiny-qwen3')],
    ...['--host', '127.0.0.1', '--port', String(port), '--dtype', 'bfloat16'],
    ...[
      '--max-model-len',
      '256',
      '--enforce-eager',
      '--kv-cache-memory-bytes',
      '16777216',
      ...extra,
    ],
  ];
  const [file, ...before] = WAYS[way](python);
  // bash -c opens the log itself: a server in a terminal writes there, as everywhere
  const host = spawn(file, [...before, ...toLog(command, logFile)], {
    stdio: ['pipe', 'pipe', log],
    detached: true,
    env: { ...process.env, ...engineEnvironment },
  });
  fs.closeSync(log);
  let said = '';
  host.stdout.on('data', (data) => (said += data));
  host.stdin.on('error', () => undefined);
  const main = Number(await eventually(() => /^\d+$/m.exec(said)?.[0], 'a pid', 20_000));
  const members = () => livingGroup(main);
  return {
    main,
    port,
    members,
    engine: () => members().find(({ command: title }) => title.startsWith('VLLM::EngineCore')),
    isReady: async () => {
      if (!isAlive(main)) throw new Error(fs.readFileSync(logFile, 'utf8').slice(-3000));
      const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
      return answer?.ok === true;
    },
    kill: async () => {
      endProcess(main);
      await eventually(() => !isAlive(main), 'the end of the front end', 20_000);
    },
    /** Closes the terminal; ends the shell or the subreaper. */
    close: async () => {
      host.stdin.end('\n');
      if (way !== 'terminal' && way !== 'subreaper') endProcess(host.pid);
      await eventually(() => host.exitCode !== null || host.signalCode !== null, 'its end', 20_000);
    },
    end: () => {
      for (const { pid } of members()) endProcess(pid);
      endProcess(host.pid);
      fs.rmSync(logFile, { force: true });
    },
  };
}

/** `exec` keeps the pid that was told. */
const toLog = (command, logFile) => [
  'bash',
  '-c',
  'log=$1; shift; exec "$@" >>"$log" 2>&1',
  'bash',
  logFile,
  ...command,
];

export function residentBytes(pid) {
  try {
    const pages = Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return pages * 4096;
  } catch {
    return 0;
  }
}

/** Who would hold the GPU: the workers, without any the engine, and before the titles the half-started ones. */
export function holdersOf(members) {
  const named = (pattern) => members.filter(({ command }) => pattern.test(command));
  const titled = named(/^VLLM::(EngineCor|Worker)/);
  return titled.length > 0 ? titled : named(/spawn_main.*--multiprocessing-fork/);
}

/**
 * Programs that look like leftovers, or stand beside one, and are none: they must live through everything.
 * @returns `{ everyone(), ended, end() }`: pids of all of them, children included; those that ended
 */
export function plantBystanders(python) {
  const quiet = { stdio: 'ignore' };
  const titled = (title) => ['-c', `exec -a ${title} sleep 3600`];
  const spawned =
    'import multiprocessing as m, time\nif __name__ == "__main__":\n m.set_start_method("spawn")\n' +
    ' p = m.Process(target=time.sleep, args=(3600,)); p.start(); p.join()';
  const detached = { ...quiet, detached: true };
  const children = [
    spawn('bash', titled('VLLM::EngineCore'), quiet),
    spawn('bash', titled('VLLM::Worker_TP0'), quiet),
    spawn('bash', titled('VLLM::EngineCore'), detached),
    spawn('tail', ['-f', '/dev/null'], quiet),
    spawn(python, ['-c', spawned], detached),
    spawn('bash', ['--norc', '-i'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true }),
  ];
  const everyone = () =>
    children.flatMap(({ pid }) => [...new Set([pid, ...livingGroup(pid).map((row) => row.pid)])]);
  const ended = new Set();
  for (const child of children) child.once('exit', () => ended.add(child.pid));
  return {
    everyone,
    ended,
    end: () => {
      for (const pid of everyone()) endProcess(pid);
    },
  };
}
