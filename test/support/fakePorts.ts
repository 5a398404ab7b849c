/**
 * Fakes of the ports of `app/`, and a context wired from them: a clock that moves only when told, tools, HTTP, ports and
 * terminals that do what the test says, a log that remembers. Files and processes have their own (memoryFiles,
 * fakeProcessTable).
 */
import { createApiKeys } from '../../src/app/requests/apiKeys';
import type { AppContext } from '../../src/app/appContext';
import type {
  Exec,
  ExecOutput,
  ExecSpec,
  Http,
  HttpAnswer,
  HttpRequest,
  Launcher,
  LauncherEvents,
  LaunchSpec,
  Log,
  LogFacts,
  Net,
  Secrets,
  StreamSpec,
} from '../../src/app/ports';
import { createPortChooser } from '../../src/app/launching/portChooser';
import { createLaunchTurns, type LaunchTurns } from '../../src/app/launching/launchTurns';
import { newServer } from '../../src/app/launching/newServer';
import { createOwnRequests } from '../../src/app/requests/ownRequests';
import type { Observer } from '../../src/app/servers/observer';
import { createRegistry } from '../../src/app/servers/registry';
import { settingDefaults, type Settings } from '../../src/app/settings';
import { initialState, type Server } from '../../src/app/state';
import { createStore } from '../../src/app/store';
import { emptyWish } from '../../src/app/planning/wishes';
import type { Gpu, GpuSample } from '../../src/gpu/gpu';
import type { Holder, LaunchRecord } from '../../src/processes/process';
import { identityOf } from '../../src/processes/tree';
import { fail, ok, type FailureReason, type Result } from '../../src/shared/failure';
import { FakeClock } from './fakeClock';
import { FakeProcessTable } from './fakeProcessTable';
import { memoryFiles, type MemoryFiles } from './memoryFiles';

/** Lets everything run that waits for nothing but promises already kept. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time stands still until `pass`; then sleepers wake in order, each finding the time it asked for. */
export class VirtualClock extends FakeClock {
  private timers: { atMs: number; run: () => void }[] = [];
  /** Length of every sleep asked for. */
  readonly slept: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.after(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  override after(ms: number, run: () => void): void {
    this.timers.push({ atMs: this.nowMs + ms, run });
  }

  async pass(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    await settle();
    for (;;) {
      const [next] = this.timers.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.timers.splice(this.timers.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.nowMs = end;
  }

  /** Passes time until `done` has settled; throws after `limitMs` of it. */
  async until<T>(done: Promise<T>, limitMs = 120_000): Promise<T> {
    const state = { isOver: false };
    const watched = done.finally(() => (state.isOver = true));
    watched.catch(() => undefined);
    const end = this.nowMs + limitMs;
    await settle();
    while (!state.isOver) {
      if (this.nowMs > end) throw new Error(`still waiting after ${limitMs} ms`);
      await this.pass(100);
    }
    return watched;
  }
}

type ExecScript = (spec: ExecSpec) => Result<ExecOutput> | Promise<Result<ExecOutput>>;

/** Tools by their file name or path; what has no script is missing. */
export class FakeExec implements Exec {
  readonly calls: ExecSpec[] = [];
  readonly onPath = new Map<string, string>();
  readonly scripts = new Map<string, ExecScript>();
  /** Runs at the same moment, at most. */
  mostAtOnce = 0;
  private running = 0;

  async run(spec: ExecSpec): Promise<Result<ExecOutput>> {
    this.calls.push(spec);
    const script = this.scripts.get(spec.file);
    if (!script) return fail('toolMissing', `${spec.file} was not found`);
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    const result = await script(spec);
    this.running -= 1;
    return result;
  }

  /** Tools that go on printing; the newest is last. What has no script in `scripts` is missing. */
  readonly streams: { readonly spec: StreamSpec; readonly end: (exitCode: number) => void }[] = [];

  stream(spec: StreamSpec): Promise<Result<number | null>> {
    if (!this.scripts.has(spec.file))
      return Promise.resolve(fail('toolMissing', `${spec.file} was not found`));
    return new Promise((resolve) => {
      this.streams.push({ spec, end: (exitCode) => resolve(ok(exitCode)) });
      spec.signal.addEventListener('abort', () => resolve(ok(null)));
    });
  }

  find(name: string): Promise<string | null> {
    return Promise.resolve(this.onPath.get(name) ?? null);
  }
}

export const printed = (stdout: string, exitCode: number | null = 0): Result<ExecOutput> =>
  ok({ stdout, stderr: '', exitCode });

type HttpReply = HttpAnswer | FailureReason;
type HttpScript = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** `GET http://host:port/path` → what it answers. Nobody else listens: refused. */
export class FakeHttp implements Http {
  readonly requests: HttpRequest[] = [];
  readonly routes = new Map<string, HttpReply | HttpScript>();

  async request(request: HttpRequest): Promise<Result<HttpAnswer>> {
    this.requests.push(request);
    const route = this.routes.get(`${request.method ?? 'GET'} ${request.url}`);
    let cancel = (): void => undefined;
    const cancelled = new Promise<FailureReason>((resolve) => {
      cancel = () => resolve('cancelled');
      if (request.signal?.aborted === true) cancel();
      request.signal?.addEventListener('abort', cancel, { once: true });
    });
    const reply = typeof route === 'function' ? route(request) : (route ?? 'refused');
    const settled = await Promise.race([cancelled, reply]);
    request.signal?.removeEventListener('abort', cancel);
    return typeof settled === 'string' ? fail(settled, `${request.url}: ${settled}`) : ok(settled);
  }

  /** Bodies sent to a path, parsed. */
  sent(path: string): unknown[] {
    return this.requests
      .filter(({ url, body }) => url.endsWith(path) && body !== undefined)
      .map(({ body }) => JSON.parse(body ?? '') as unknown);
  }
}

export const answered = (body: unknown, status = 200): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

class MemoryNet implements Net {
  readonly bound = new Set<number>();

  isPortFree(port: number): Promise<boolean> {
    return Promise.resolve(!this.bound.has(port));
  }

  freePort(): Promise<number> {
    let port = 40_000;
    while (this.bound.has(port)) port += 1;
    return Promise.resolve(port);
  }
}

class MemorySecrets implements Secrets {
  readonly kept = new Map<string, string>();

  get(name: string): Promise<string | null> {
    return Promise.resolve(this.kept.get(name) ?? null);
  }

  set(name: string, value: string | null): Promise<boolean> {
    if (value === null) this.kept.delete(name);
    else this.kept.set(name, value);
    return Promise.resolve(true);
  }
}

export class RecordingLog implements Log {
  readonly lines: string[] = [];
  debug = (room: string, what: string, facts?: LogFacts): void =>
    this.add('debug', room, what, facts);
  info = (room: string, what: string, facts?: LogFacts): void =>
    this.add('info', room, what, facts);
  warn = (room: string, what: string, facts?: LogFacts): void =>
    this.add('warn', room, what, facts);
  error = (room: string, what: string, facts?: LogFacts): void =>
    this.add('error', room, what, facts);

  private add(level: string, room: string, what: string, facts?: LogFacts): void {
    this.lines.push(`${level} ${room}: ${what} ${JSON.stringify(facts ?? {})}`);
  }
}

/** A terminal in which `start` does what `begin` says; its output and its end come when the test says so. */
class FakeLauncher implements Launcher {
  readonly specs: LaunchSpec[] = [];
  events: LauncherEvents | null = null;
  begin: (spec: LaunchSpec) => Result<{ pid: number }> | Promise<Result<{ pid: number }>> = () =>
    fail('failed', 'the test started nothing');

  async start(spec: LaunchSpec): Promise<Result<{ pid: number }>> {
    this.specs.push(spec);
    return this.begin(spec);
  }

  reveal(launchId: string): Promise<boolean> {
    return Promise.resolve(this.specs.some((spec) => spec.launchId === launchId));
  }

  listen(events: LauncherEvents): void {
    this.events = events;
  }
}

export interface FakeContext extends AppContext {
  readonly exec: FakeExec;
  readonly http: FakeHttp;
  readonly files: MemoryFiles;
  readonly net: MemoryNet;
  readonly table: FakeProcessTable;
  readonly clock: VirtualClock;
  readonly log: RecordingLog;
  readonly launcher: FakeLauncher;
  readonly secrets: MemorySecrets;
  lookAtGpus: AppContext['lookAtGpus'];
  /** What the next look at the GPUs sees; null: no tool. */
  gpuNow: GpuSample | null;
  settingsNow: Settings;
  servers(): readonly Server[];
  /** The only server; throws where there is none. */
  server(): Server;
}

export const LAUNCHES = '/storage/launches';
const LOCKS = '/storage/locks';

export function fakeContext(settings: Partial<Settings> = {}): FakeContext {
  const clock = new VirtualClock();
  const files = memoryFiles();
  const log = new RecordingLog();
  const settingsNow: Settings = { ...settingDefaults(), ...settings };
  const store = createStore(initialState(emptyWish(settingsNow)));
  const net = new MemoryNet();
  const secrets = new MemorySecrets();
  const table = new FakeProcessTable(clock);
  let id = 0;
  const context: FakeContext = {
    exec: new FakeExec(),
    http: new FakeHttp(),
    files,
    net,
    portChooser: createPortChooser(store, net, clock),
    table,
    clock,
    log,
    launcher: new FakeLauncher(),
    store,
    registry: createRegistry(files, LAUNCHES, log),
    settingsNow,
    settings: () => context.settingsNow,
    ownRequests: createOwnRequests(),
    secrets,
    apiKeys: createApiKeys(secrets, log, table, {}),
    newId: () => `launch-${(id += 1)}`,
    gpuNow: null,
    lookAtGpus: () => {
      const sample = context.gpuNow;
      if (sample) {
        const atMs = clock.now();
        store.dispatch({ type: 'sampled', sample, atMs, simulated: false, warnPercent: 85 });
      }
      return Promise.resolve(sample);
    },
    hubCacheFolders: () => [],
    servers: () => store.state().servers,
    server: () => {
      const [only] = store.state().servers;
      if (!only) throw new Error('there is no server');
      return only;
    },
  };
  // The window itself, and somebody who is the parent of what is left over.
  context.table.add({ pid: 50, args: ['/opt/code/node', 'extensionHost'], comm: 'node' });
  context.table.add({ pid: 1, ppid: 0, uid: 0, comm: 'systemd', args: ['/sbin/init'] });
  return context;
}

/** How one window waits for its turn and sees what others write; the queue is followed. */
export function turnsOf(
  context: FakeContext,
  observer: Observer,
): LaunchTurns & { readonly stop: () => void } {
  const turns = createLaunchTurns(context, observer, LOCKS);
  return { ...turns, stop: turns.queue.follow() };
}

export const GIB = 2 ** 30;

export function gpuOf(given: Partial<Gpu> = {}): Gpu {
  return {
    index: 0,
    name: 'NVIDIA GeForce RTX 4090',
    uuid: 'GPU-1',
    busId: '00000000:01:00.0',
    totalBytes: 24 * GIB,
    usedBytes: 1 * GIB,
    freeBytes: 23 * GIB,
    reservedBytes: null,
    utilizationPercent: 0,
    temperatureC: 40,
    powerW: 20,
    powerLimitW: 450,
    memory: 'dedicated',
    computeCapability: '8.9',
    driverVersion: '580.1',
    ...given,
  };
}

export function sampleOf(given: Partial<GpuSample> = {}): GpuSample {
  return { gpus: [gpuOf()], processes: [], problems: [], ...given };
}

export function serverOf(given: Partial<Server> = {}): Server {
  return {
    ...newServer({
      id: 'launch-1',
      title: 'vLLM: m :8000',
      wish: {
        engine: 'vllm',
        model: 'org/m',
        options: { gpuMemoryUtilization: 0.7 },
        extraArguments: [],
        port: null,
      },
      command: { file: 'vllm', args: ['serve', 'org/m'], env: {} },
      host: '127.0.0.1',
      port: 8000,
      servedModelName: 'org/m',
      startedAtMs: 1_800_000_000_000,
      simulated: false,
    }),
    ...given,
  };
}

export function holderOf(given: Partial<Holder> = {}): Holder {
  return {
    pid: 100,
    startTime: '1',
    startedAtMs: null,
    user: 'me',
    command: '/v/bin/python train.py',
    usedBytes: 2 * GIB,
    gpus: [0],
    class: 'stranger',
    reason: 'not started from here',
    remedy: '',
    canEnd: false,
    ...given,
  };
}

/** main 100, listening → tracker 101, engine 102 → worker 103, all in main's group and session, as vLLM's own. */
export function plantVllm(table: FakeProcessTable, launchId = 'launch-1', pid = 100): LaunchRecord {
  const args = ['/v/bin/python', '/v/bin/vllm', 'serve', 'org/m'];
  table.add({ pid, args, comm: 'vllm' });
  table.ports.set(pid, [8000]);
  const group = { pgid: pid, sid: pid };
  const tracker = 'from multiprocessing.resource_tracker import main;main(3)';
  table.add({ pid: pid + 1, ppid: pid, ...group, args: ['/v/bin/python', '-c', tracker] });
  table.add({ pid: pid + 2, ppid: pid, ...group, args: ['VLLM::EngineCore'] });
  table.add({ pid: pid + 3, ppid: pid + 2, ...group, args: ['VLLM::Worker'] });
  return recordOf(table, launchId, pid);
}

/** What a launch records of a process that is in the table. */
export function recordOf(
  table: FakeProcessTable,
  launchId: string,
  pid: number,
  engine: LaunchRecord['engine'] = 'vllm',
): LaunchRecord {
  const main = table.processes.get(pid);
  if (!main) throw new Error(`there is no process ${pid}`);
  const port = engine === 'vllm' ? 8000 : 11434;
  return {
    launchId,
    engine,
    main: identityOf(main),
    pgid: main.pgid,
    sid: main.sid,
    port,
    seen: [identityOf(main)],
  };
}
