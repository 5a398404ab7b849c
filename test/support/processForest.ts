/**
 * Seeded forests of processes with the truth known by construction: healthy servers, leftovers, look-alikes, our
 * editor, other users, containers, notebooks, Ray, subreapers. Each scenario is a function that plants its trees.
 */
import type { KnownLaunch } from '../../src/processes/scene';
import type { ProcessInfo } from '../../src/processes/process';
import { identityKey } from '../../src/processes/tree';
import {
  Grower,
  OTHER_USER,
  VENV_PYTHON,
  type Forest,
  type Scenario,
  type Vllm,
} from './forestGrower';
import { STRANGERS } from './forestStrangers';
import { seededRandom } from './seededRandom';

const SPAWN =
  'from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=6, pipe_handle=9)';

const everyone = ({ main, tracker, engine, workers }: Vllm): ProcessInfo[] => [
  main,
  tracker,
  engine,
  ...workers,
];

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
    const server = g.vllm(OTHER_USER);
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
    else {
      // `sh -c 'vllm serve … &'`: the server goes on in the group of a shell that has ended
      g.engineBelow(g.child(leader, { args: [VENV_PYTHON, '/v/bin/vllm', 'serve'], comm: 'vllm' }));
      g.kill(leader);
    }
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
  ...STRANGERS,
};

function plantRecord(g: Grower, server: Vllm, origin: KnownLaunch['origin']): void {
  const launchId = `L${server.main.pid}`;
  g.forest.launches.push({ record: g.record(launchId, server.main, everyone(server)), origin });
  g.forest.families.set(launchId, new Set(everyone(server).map(identityKey)));
}

export function growForest(seed: number): Forest {
  const grower = new Grower(seededRandom(seed));
  const names = Object.keys(SCENARIOS);
  const count = 3 + Math.floor(grower.random() * 8);
  for (let planted = 0; planted < count; planted += 1) {
    const name = grower.pick(names);
    grower.forest.story.push(name);
    SCENARIOS[name]!(grower);
  }
  return grower.forest;
}
