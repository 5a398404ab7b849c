/**
 * Seeded forests of processes with the truth known by construction: healthy servers, leftovers, look-alikes, our
 * editor, other users, containers, notebooks, Ray, subreapers. Each scenario is a function that plants its trees.
 */
import type { KnownLaunch } from '../../src/processes/scene';
import type { ProcessInfo } from '../../src/processes/process';
import { identityKey } from '../../src/processes/tree';
import { Grower, randomOf, VENV_PYTHON, type Forest, type Vllm } from './forestGrower';

const SPAWN =
  'from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=6, pipe_handle=9)';

const everyone = ({ main, tracker, engine, workers }: Vllm): ProcessInfo[] => [
  main,
  tracker,
  engine,
  ...workers,
];

const other = { uid: 1001, user: 'other' };

type Scenario = (grower: Grower) => void;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  healthy: (g) => void g.vllm(),
  leftover: (g) => {
    const server = g.vllm();
    g.kill(server.main);
    g.orphan(server.engine, ...server.workers);
  },
  leftoverBesideRestart: (g) => {
    const shell = g.shell();
    for (const dies of [true, false]) {
      const pid = g.pid();
      const main = g.child(shell, {
        pid,
        pgid: pid,
        args: [VENV_PYTHON, '/x/bin/vllm', 'serve', 'm'],
        comm: 'vllm',
      });
      const server = g.engineBelow(main);
      if (!dies) continue;
      g.kill(server.main);
      g.orphan(server.engine, ...server.workers);
    }
  },
  /** The engine died, too; its ranks hang in the kernel's or NCCL's arms, each with a reaper of its own. */
  ranksOnly: (g) => {
    const server = g.vllm();
    g.kill(server.main);
    g.kill(server.engine);
    for (const { pid } of server.workers) {
      const worker = g.forest.table.processes.get(pid)!;
      g.change(worker, { ppid: g.reaper() });
    }
    const rows = g.forest.gpu;
    const at = rows.findIndex(({ pid }) => pid === server.engine.pid);
    if (at >= 0) rows.splice(at, 1);
    g.orphan(...server.workers);
  },
  /** Threads of the killed front end are still ending: until the last is gone, it stays the parent. */
  frontEndStillEnding: (g) => {
    const server = g.vllm();
    g.change(server.main, { state: 'Z', args: [] });
  },
  /** A launching tool was given the server's words, takes its leftovers in, and is no server. */
  launcherAlive: (g) => {
    const words = [VENV_PYTHON, '/v/bin/vllm', 'serve', 'm'];
    const launcher = g.main(
      g.pick([
        [VENV_PYTHON, 'launch.py', ...words],
        ['bash', '-c', '"$@" & wait', 'bash', ...words],
      ]),
      g.pick(['python', 'launcher']),
    );
    const pid = g.pid();
    const server = g.engineBelow(
      g.child(launcher, { pid, pgid: pid, sid: pid, args: words, comm: 'vllm' }),
    );
    if (g.chance(0.3)) return;
    g.kill(server.main);
    const isTool = launcher.comm === 'launcher' && launcher.args[0] !== 'bash';
    if (isTool) g.change(g.forest.table.processes.get(server.engine.pid)!, { ppid: launcher.pid });
    g.orphan(server.engine, ...server.workers);
  },
  tooYoung: (g) => {
    const server = g.vllm({ startedAtMs: g.forest.table.clock.now() - 30_000 });
    g.kill(server.main);
  },
  halfStarted: (g) => {
    const main = g.main([VENV_PYTHON, '/home/me/venv/bin/vllm', 'serve', 'm'], 'vllm');
    const half = g.child(main, {
      args: [VENV_PYTHON, '-c', SPAWN, '--multiprocessing-fork'],
      comm: 'python',
    });
    g.hold(half);
    g.kill(main);
    g.orphan(half);
  },
  trainingHelper: (g) => {
    const main = g.main(['/opt/py/bin/python', 'train.py'], 'python');
    g.hold(
      g.child(main, {
        args: ['/opt/py/bin/python', '-c', SPAWN, '--multiprocessing-fork'],
        comm: 'python',
      }),
    );
    if (g.chance(0.5)) g.kill(main);
  },
  script: (g) => {
    const server = g.engineBelow(g.main([VENV_PYTHON, 'batch.py'], 'python'));
    if (g.chance(0.5)) return;
    g.kill(server.main);
    g.orphan(server.engine, ...server.workers);
  },
  secondFrontEnd: (g) => {
    const server = g.vllm();
    g.child(server.main, { args: ['VLLM::APIServer_1'], comm: 'VLLM::APIServer' });
    g.kill(server.main);
  },
  ownAlive: (g) => {
    const server = g.vllm();
    plantRecord(g, server, 'ours');
  },
  ownDead: (g) => {
    const server = g.vllm({ startedAtMs: g.forest.table.clock.now() - 20_000 });
    plantRecord(g, server, g.chance(0.7) ? 'ours' : 'adopted');
    g.kill(server.main);
    g.recordedOrphan(server.engine, ...server.workers);
  },
  /** After a reboot the recorded numbers mean other people's processes, and other programs of ours. */
  ownBeforeReboot: (g) => {
    const server = g.vllm();
    const record = g.record(`L${server.main.pid}`, server.main, everyone(server));
    const before = { bootId: 'b0070000-0000-4000-8000-00000000000f' };
    g.forest.families.set(record.launchId, new Set());
    g.forest.launches.push({
      record: {
        ...record,
        main: { ...record.main, ...before },
        seen: record.seen.map((one) => ({ ...one, ...before })),
      },
      origin: 'ours',
    });
  },
  /** Adopted at the user's wish, yet somebody else's: what it leaves is its owner's. */
  adoptedOfOther: (g) => {
    const server = g.vllm(other);
    g.forest.launches.push({
      record: g.record(`L${server.main.pid}`, server.main, everyone(server)),
      origin: 'adopted',
    });
    if (g.chance(0.7)) g.kill(server.main);
  },
  /** A wrong record: what it calls the server is the shell that somebody sits at, with a server below. */
  recordOfShell: (g) => {
    const shell = g.shell({ ppid: 40 });
    const pid = g.pid();
    const words = [VENV_PYTHON, '/v/bin/vllm', 'serve', 'm'];
    const server = g.engineBelow(g.child(shell, { pid, pgid: pid, args: words, comm: 'vllm' }));
    const launchId = `L${shell.pid}`;
    g.forest.launches.push({ record: g.record(launchId, shell, []), origin: 'ours' });
    g.forest.families.set(launchId, new Set());
    g.hold(server.main);
  },
  /** Terminals and tasks of this very editor, one of them renamed by its program. */
  ownShells: (g) => {
    for (const args of [['-zsh'], ['/bin/bash', '-i'], ['VLLM::EngineCore'], ['VLLM::Worker_TP0']])
      g.hold(g.shell({ ppid: g.pick([30, 40, 50]), args, comm: args[0]!.slice(0, 15) }));
  },
  ownDeadRankLeftGroup: (g) => {
    const server = g.vllm();
    const rank = server.workers[0];
    plantRecord(g, server, 'ours');
    if (rank) g.forest.table.processes.set(rank.pid, { ...rank, pgid: rank.pid, sid: rank.pid });
    g.kill(server.main);
    if (rank) g.kill(server.engine);
    g.recordedOrphan(...(rank ? [] : [server.engine]), ...server.workers);
  },
  ownDeadNumberReused: (g) => {
    const server = g.vllm();
    plantRecord(g, server, 'ours');
    for (const process of everyone(server)) g.forest.table.end(process.pid);
    const leader = g.forest.table.reuse(server.main.pid, {
      uid: g.me,
      args: ['/usr/bin/python', 'mine.py'],
    });
    g.hold(g.child(leader, { args: ['/usr/bin/python', 'mine.py', '--rank', '1'] }));
    g.hold(leader);
    if (g.chance(0.5)) g.forest.table.end(leader.pid);
    else if (g.chance(0.5)) g.engineBelow(leader);
    const reused = server.workers[0];
    if (reused)
      g.forest.table.reuse(reused.pid, { uid: g.me, args: ['/usr/bin/ffmpeg'], comm: 'ffmpeg' });
  },
  wrapperDead: (g) => {
    const wrapper = g.main(['/usr/bin/uv', 'run', 'vllm', 'serve', 'm'], 'uv');
    const main = g.child(wrapper, {
      args: [VENV_PYTHON, '/v/bin/vllm', 'serve', 'm'],
      comm: 'vllm',
    });
    g.forest.table.ports.set(main.pid, [8000]);
    const server = g.engineBelow(main);
    g.forest.launches.push({
      record: g.record(`L${wrapper.pid}`, wrapper, everyone(server)),
      origin: 'ours',
    });
    g.kill(wrapper);
  },
  lookAlikes: (g) => {
    const shell = g.shell();
    for (const args of [
      ['grep', '-r', 'VLLM::EngineCore'],
      ['tail', '-f', 'VLLM::EngineCore.log'],
      ['vim', 'VLLM::Worker_TP0'],
      [VENV_PYTHON, 'VLLM::EngineCore.py'],
      ['bash', '-c', 'vllm serve x'],
      ['/home/me/VLLM::EngineCore', '--help'],
      ['my-VLLM::EngineCore'],
      ['vllm::enginecore'],
      ['VLLM::EngineCoreX'],
      ['ollama', 'run', 'llama3'],
      ['/usr/bin/llama-server', '-m', '/m/blobs/sha256-1'],
    ]) {
      const process = g.child(shell, {
        args,
        ...(g.chance(0.2) ? { comm: 'VLLM::EngineCor' } : {}),
      });
      g.hold(process);
      if (g.chance(0.5)) g.forest.table.processes.set(process.pid, { ...process, ppid: 1 });
    }
  },
  notebook: (g) => {
    const jupyter = g.main(['/v/bin/python', '/v/bin/jupyter-lab'], 'jupyter-lab');
    const pid = g.pid();
    const kernel = g.child(jupyter, {
      pid,
      pgid: pid,
      sid: pid,
      args: ['/v/bin/python', '-m', 'ipykernel_launcher', '-f', 'k.json'],
      comm: 'python',
    });
    g.hold(kernel);
    const server = g.engineBelow(kernel);
    if (g.chance(0.7)) return;
    g.kill(kernel);
    g.forest.gpu.splice(
      g.forest.gpu.findIndex((row) => row.pid === kernel.pid),
      1,
    );
    g.orphan(server.engine, ...server.workers);
  },
  ray: (g) => {
    const raylet = g.add({ args: ['/v/ray/raylet', '--x'], comm: 'raylet' });
    const pid = g.pid();
    const worker = g.child(raylet, {
      pid,
      pgid: pid,
      sid: pid,
      args: ['ray::RayWorkerWrapper.execute_method'],
      comm: 'ray::RayWorkerW',
    });
    g.hold(worker);
    if (g.chance(0.5)) g.engineBelow(worker);
  },
  otherUser: (g) => {
    const server = g.vllm(other);
    if (g.chance(0.7)) g.kill(server.main);
  },
  container: (g) => {
    const inside = g.chance(0.5)
      ? { sameNamespace: false, containerId: 'c'.repeat(64) }
      : { containerId: 'd'.repeat(64) };
    const server = g.vllm(inside);
    if (g.chance(0.7)) g.kill(server.main);
  },
  zombie: (g) => {
    const server = g.vllm();
    g.forest.table.end(server.engine.pid, true);
    for (const { pid } of server.workers) g.forest.table.end(pid, true);
  },
  ollama: (g) => {
    const serve = g.main(['/usr/local/bin/ollama', 'serve'], 'ollama');
    const runner = g.child(
      serve,
      g.chance(0.5)
        ? {
            args: ['/usr/local/bin/ollama', 'runner', '--model', '/m/blobs/sha256-1'],
            comm: 'ollama',
          }
        : {
            args: [
              '/usr/local/lib/ollama/llama-server',
              '--model',
              '/m/blobs/sha256-1',
              '--no-webui',
            ],
            comm: 'llama-server',
          },
    );
    g.hold(runner);
    if (g.chance(0.5)) return;
    g.kill(serve);
    g.orphan(runner);
  },
  ownLlamaServer: (g) => {
    const pid = g.pid();
    g.hold(
      g.add({
        pid,
        ppid: 1,
        pgid: pid,
        sid: pid,
        args: ['/home/me/llama.cpp/llama-server', '-m', 'x.gguf'],
        comm: 'llama-server',
      }),
    );
  },
  display: (g) =>
    g.hold(g.add({ args: ['/usr/lib/xorg/Xorg', ':0'], comm: 'Xorg', uid: 0, user: 'root' })),
  editorGpu: (g) =>
    g.hold(g.add({ ppid: 30, args: ['/opt/code/code', '--type=gpu-process'], comm: 'code' })),
  deadPid: (g) =>
    void g.forest.gpu.push({ pid: g.pid(), usedBytes: 2 ** 30, name: null, gpus: [0] }),
  unknownFrontEnd: (g) => {
    const front = g.main(['/opt/vllm-rs/frontend'], 'frontend');
    const server = g.engineBelow(front);
    if (g.chance(0.5)) return;
    // A front end of unknown make that gives its engine a session of its own.
    const { pid } = server.engine;
    for (const process of [server.engine, ...server.workers])
      g.forest.table.processes.set(process.pid, { ...process, pgid: pid, sid: pid });
  },
  coincidence: (g) => {
    // In a container the GPU tool may print a pid of the host that here is somebody harmless.
    if (!g.forest.table.selfFacts.inContainer) return;
    const process = g.add({ args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor', ppid: 1 });
    g.hold(process);
    g.forest.table.gpuHolders.set(process.pid, false);
  },
};

function plantRecord(g: Grower, server: Vllm, origin: KnownLaunch['origin']): void {
  const launchId = `L${server.main.pid}`;
  g.forest.launches.push({ record: g.record(launchId, server.main, everyone(server)), origin });
  g.forest.families.set(launchId, new Set(everyone(server).map(identityKey)));
}

export function growForest(seed: number): Forest {
  const grower = new Grower(randomOf(seed));
  const names = Object.keys(SCENARIOS);
  const count = 3 + Math.floor(grower.random() * 8);
  for (let planted = 0; planted < count; planted += 1) {
    const name = grower.pick(names);
    grower.forest.story.push(name);
    SCENARIOS[name]!(grower);
  }
  return grower.forest;
}
