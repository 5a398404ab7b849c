/** Several windows on one machine: their own lists, terminals and logs; one clock, disk, process table and network. */
import { failStart, launch } from '../../src/app/launching/deploy';
import { createObserver, type Observer } from '../../src/app/servers/observer';
import { ownIdentity } from '../../src/app/owner';
import { createRegistry } from '../../src/app/servers/registry';
import type { Server } from '../../src/app/state';
import { ok } from '../../src/shared/failure';
import { answered, fakeContext, LAUNCHES, serverOf, turnsOf, type FakeContext } from './fakePorts';
import type { FakeProcessTable } from './fakeProcessTable';

/** pid of the first window's extension host; the others follow. */
const FIRST_HOST = 50;

export interface Window {
  readonly context: FakeContext;
  readonly observer: Observer;
  readonly turns: ReturnType<typeof turnsOf>;
  readonly hostPid: number;
  /** Asks for a launch as Deploy does, without planning. */
  ask(id: string, given?: Partial<Server>): Promise<boolean>;
  server(id: string): Server | undefined;
  /** Its extension host is killed: nothing of it runs on, what it started does. */
  die(): void;
}

/** What was really started: the truth that the windows' lists are compared with. */
export interface Start {
  readonly id: string;
  readonly gpus: readonly number[];
  readonly pid: number;
  readonly atMs: number;
  readyAtMs: number | null;
  endedAtMs: number | null;
}

export class Machine {
  readonly first = fakeContext();
  readonly starts: Start[] = [];
  readonly windows: Window[] = [];
  /** Until a server answers. */
  startMs: () => number = () => 3_000;
  private nextPid = 1000;
  private nextPort = 8000;

  get clock() {
    return this.first.clock;
  }

  open(): Window {
    const hostPid = FIRST_HOST + this.windows.length;
    const base = this.windows.length === 0 ? this.first : fakeContext();
    const { files, clock, net, http, table: shared } = this.first;
    if (!shared.processes.has(hostPid)) shared.add({ pid: hostPid, comm: 'node' });
    const table = Object.create(shared) as FakeProcessTable;
    table.self = () => Promise.resolve({ uid: 1000, protectedPids: [hostPid], inContainer: false });
    const context: FakeContext = {
      ...base,
      files,
      clock,
      net,
      http,
      table,
      registry: createRegistry(files, LAUNCHES, base.log),
    };
    const observer = createObserver(context);
    const turns = turnsOf(context, observer);
    const life = new AbortController();
    void turns.shared.run(life.signal);
    context.launcher.begin = ({ launchId }) => ok({ pid: this.start(launchId, context).pid });
    const server = (id: string) => context.servers().find((one) => one.id === id);
    const window: Window = {
      context,
      observer,
      turns,
      hostPid,
      server,
      ask: async (id, given = {}) => {
        const port = (this.nextPort += 1);
        const owner = await ownIdentity(table);
        const startedAtMs = clock.now();
        const asked = serverOf({ id, title: id, port, gpus: [0], owner, startedAtMs, ...given });
        const result = await turns.queue.enter({
          server: asked,
          start: async () => {
            const started = await launch(context, { ...asked, startedAtMs: clock.now() });
            if (started.ok) observer.watch(id);
            else await failStart(context, id, started.failure);
            return started;
          },
        });
        return result.ok;
      },
      die: () => {
        life.abort();
        observer.dispose();
        turns.stop();
        shared.end(hostPid);
      },
    };
    this.windows.push(window);
    return window;
  }

  /** Its process ends, as after a crash or Ctrl+C. */
  end(start: Start): void {
    start.endedAtMs ??= this.clock.now();
    this.first.table.end(start.pid);
  }

  private start(id: string, context: FakeContext): Start {
    const server = context.servers().find((one) => one.id === id);
    const port = server?.port ?? 0;
    const pid = (this.nextPid += 10);
    const { table, http } = this.first;
    table.add({ pid, args: ['/v/bin/python', '/v/bin/vllm', 'serve', 'org/m'], comm: 'vllm' });
    table.environments.set(pid, { VRAM_PILOT_LAUNCH: id });
    const gpus = server?.gpus ?? [];
    const start: Start = {
      id,
      gpus,
      pid,
      atMs: this.clock.now(),
      readyAtMs: null,
      endedAtMs: null,
    };
    this.starts.push(start);
    this.clock.after(this.startMs(), () => {
      if (!table.processes.has(pid)) return;
      start.readyAtMs = this.clock.now();
      table.ports.set(pid, [port]);
      http.routes.set(`GET http://127.0.0.1:${port}/health`, answered(''));
    });
    return start;
  }
}
