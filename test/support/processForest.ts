/**
 * Seeded forests of processes with the truth known by construction: healthy servers, leftovers, look-alikes, our
 * editor, other users, containers, notebooks, Ray, subreapers. Each scenario is a function that plants its trees.
 */
import type { GpuProcess } from '../../src/gpu/gpu';
import type { KnownLaunch } from '../../src/processes/scene';
import type { LaunchRecord, ProcessIdentity, ProcessInfo } from '../../src/processes/process';
import { identityKey, identityOf } from '../../src/processes/tree';
import { FakeProcessTable } from './fakeProcessTable';

export interface Forest {
  readonly table: FakeProcessTable;
  readonly gpu: GpuProcess[];
  readonly launches: KnownLaunch[];
  /** Identity keys of leftovers that must be found and may be ended. Nothing else may ever get a signal. */
  readonly orphans: Set<string>;
  /** Launch id → identity keys of everything that belongs to it. */
  readonly families: Map<string, Set<string>>;
  /** Scenario names, for the message of a failing seed. */
  readonly story: string[];
}

export type Random = () => number;

/** mulberry32: small, seeded, good enough for choosing. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SPAWN =
  'from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=6, pipe_handle=9)';
const TRACKER = 'from multiprocessing.resource_tracker import main;main(32)';
export const VENV_PYTHON = '/home/me/venv/bin/python';

class Grower {
  readonly forest: Forest;
  readonly me: number;
  private nextPid = 2000;
  private reapers: number[];

  constructor(readonly random: Random) {
    const table = new FakeProcessTable();
    this.forest = {
      table,
      gpu: [],
      launches: [],
      orphans: new Set(),
      families: new Map(),
      story: [],
    };
    const inContainer = random() < 0.25;
    this.me = inContainer && random() < 0.6 ? 0 : 1000;
    this.reapers = [1];
    this.plantRoots(inContainer);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }

  pid(): number {
    return (this.nextPid += 1 + Math.floor(this.random() * 40));
  }

  add(given: Partial<ProcessInfo> = {}): ProcessInfo {
    return this.forest.table.add({ pid: this.pid(), uid: this.me, user: 'me', ...given });
  }

  /** A child as fork makes it: same group, session, user, container. */
  child(parent: ProcessInfo, given: Partial<ProcessInfo> = {}): ProcessInfo {
    const { pid: ppid, pgid, sid, uid, user, containerId, sameNamespace, startedAtMs } = parent;
    return this.add({
      ppid,
      pgid,
      sid,
      uid,
      user,
      containerId,
      sameNamespace,
      startedAtMs,
      ...given,
    });
  }

  hold(process: ProcessInfo): void {
    this.forest.gpu.push({ pid: process.pid, usedBytes: 2 ** 30, name: process.comm, gpus: [0] });
    this.forest.table.gpuHolders.set(process.pid, true);
  }

  orphan(...processes: readonly ProcessIdentity[]): void {
    for (const process of processes) this.forest.orphans.add(identityKey(process));
  }

  reaper(): number {
    return this.pick(this.reapers);
  }

  /** It is killed; its children go where the kernel sends them here. */
  kill(process: ProcessInfo): void {
    this.forest.table.reaperPid = this.reaper();
    this.forest.table.end(process.pid);
    this.forest.table.reaperPid = 1;
  }

  shell(given: Partial<ProcessInfo> = {}): ProcessInfo {
    const pid = this.pid();
    return this.add({
      pid,
      pgid: pid,
      sid: pid,
      args: ['-bash'],
      comm: 'bash',
      tty: 34816,
      ...given,
    });
  }

  /** As a job of a shell, as a task of VS Code (leads its session), below a script, or as a service. */
  main(args: readonly string[], comm: string, given: Partial<ProcessInfo> = {}): ProcessInfo {
    const how = this.pick(['job', 'task', 'script', 'service'] as const);
    const pid = this.pid();
    if (how === 'job') {
      const shell = this.shell(given);
      return this.child(shell, { pid, pgid: pid, args, comm, ...given });
    }
    if (how === 'script') {
      const shell = this.shell(given);
      const script = this.child(shell, { args: ['bash', 'run.sh'], comm: 'bash', ...given });
      this.forest.table.processes.set(script.pid, { ...script, pgid: script.pid });
      return this.child({ ...script, pgid: script.pid }, { pid, args, comm, ...given });
    }
    const ppid = how === 'task' ? 40 : 1;
    return this.add({ pid, ppid, pgid: pid, sid: pid, args, comm, ...given });
  }

  vllm(given: Partial<ProcessInfo> = {}): Vllm {
    const args = [VENV_PYTHON, '/home/me/venv/bin/vllm', 'serve', 'some/model', '--port', '8000'];
    return this.engineBelow(this.main(args, 'vllm', given));
  }

  engineBelow(main: ProcessInfo): Vllm {
    const tracker = this.child(main, { args: [VENV_PYTHON, '-c', TRACKER], comm: 'python' });
    const engine = this.child(main, { args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor' });
    const ranks = this.pick([0, 0, 1, 2, 4]);
    const workers = Array.from({ length: ranks }, (_, rank) =>
      this.child(engine, { args: [`VLLM::Worker_TP${rank}`], comm: 'VLLM::Worker_TP' }),
    );
    for (const holder of ranks === 0 ? [engine] : workers) this.hold(holder);
    return { main, tracker, engine, workers };
  }

  record(launchId: string, main: ProcessInfo, seen: readonly ProcessInfo[]): LaunchRecord {
    return {
      launchId,
      engine: 'vllm',
      main: identityOf(main),
      pgid: main.pgid,
      sid: main.sid,
      port: 8000,
      seen: seen.map(identityOf),
    };
  }

  private plantRoots(inContainer: boolean): void {
    const { table } = this.forest;
    const roots: readonly (readonly [string, readonly string[]])[] = inContainer
      ? [
          ['tini', ['/usr/bin/tini', '--', 'start']],
          ['bash', ['bash', '/start.sh']],
          ['python3', ['/usr/bin/python3', '/usr/bin/supervisord']],
          ['sleep', ['sleep', 'infinity']],
        ]
      : [['systemd', ['/sbin/init']]];
    const [comm, args] = this.pick(roots);
    table.add({ pid: 1, ppid: 0, pgid: 1, sid: 1, uid: 0, user: 'root', comm, args });
    if (!inContainer && this.chance(0.6)) {
      table.add({
        pid: 20,
        ppid: 1,
        comm: 'systemd',
        args: ['/lib/systemd/systemd', '--user'],
        uid: this.me,
      });
      this.reapers.push(20);
    }
    if (this.chance(0.3)) {
      table.add({
        pid: 21,
        ppid: 1,
        comm: 'launchtool',
        args: ['/opt/launchtool', 'run'],
        uid: this.me,
      });
      this.reapers.push(21);
    }
    const editor = ['/opt/code/node', '/opt/code/out/bootstrap-fork'];
    table.add({
      pid: 30,
      ppid: 1,
      comm: 'code-server',
      args: ['/opt/code/bin/code-server'],
      uid: this.me,
    });
    table.add({
      pid: 40,
      ppid: 30,
      comm: 'node',
      args: [...editor, '--type=ptyHost'],
      uid: this.me,
    });
    table.add({
      pid: 50,
      ppid: 30,
      comm: 'node',
      args: [...editor, '--type=extensionHost'],
      uid: this.me,
    });
    table.selfFacts = { uid: this.me, protectedPids: [50, 30, 1], inContainer };
  }
}

interface Vllm {
  readonly main: ProcessInfo;
  readonly tracker: ProcessInfo;
  readonly engine: ProcessInfo;
  readonly workers: readonly ProcessInfo[];
}

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
    g.orphan(server.engine, ...server.workers);
  },
  ownDeadRankLeftGroup: (g) => {
    const server = g.vllm();
    const rank = server.workers[0];
    plantRecord(g, server, 'ours');
    if (rank) g.forest.table.processes.set(rank.pid, { ...rank, pgid: rank.pid, sid: rank.pid });
    g.kill(server.main);
    if (rank) g.kill(server.engine);
    g.orphan(...(rank ? [] : [server.engine]), ...server.workers);
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
    ]) {
      const process = g.child(shell, { args });
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
