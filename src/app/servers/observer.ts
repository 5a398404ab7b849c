/**
 * Watches servers: asks over HTTP whether they answer, keeps the list of their processes, and says how they ended; what
 * they print serverOutputs.ts reads. Ready means that the server answers, never that a line appeared.
 */
import type { Diagnosis } from '../../engines/engine';
import type { LifeEvent } from '../../engines/lifecycle';
import { launchFamily, type LaunchFamily } from '../../processes/family';
import { findAlive, indexTable, type ProcessIndex } from '../../processes/tree';
import type { AppContext } from '../appContext';
import { forgetWhenGone } from './forgetting';
import { fateOf } from './launchFate';
import { createOllamaListing, type Listed } from '../ollama/ollamaListing';
import { addToRecord } from './launchRecord';
import { isHealthy, isOurs } from './readiness';
import { createServerOutputs } from './serverOutputs';
import type { Server, ServerFacts } from '../state';

const STARTING_EVERY_MS = 1_000;
const READY_EVERY_MS = 5_000;
/** Servers whose looks are due within this time are looked at together. */
const TOGETHER_MS = 400;
/** How many looks a second apart the launcher's end event may lag behind the process table. */
const GONE_LOOKS_BEFORE_END = 4;
/** While all is ready only the main processes are read; new ones below them can wait this long. */
const FULL_LOOK_EVERY_MS = 30_000;

export interface Observer {
  /** Follows one server until it has ended. */
  watch(id: string): void;
  output(id: string, chunk: string): void;
  /** Whether its output arrives in this window, so that nobody else knows its stage better. */
  hears(id: string): boolean;
  /** Its process has ended; the list will say so in a moment. */
  isEnding(id: string): boolean;
  /** Why a load failed that an answer of the daemon tells, together with what it printed. */
  diagnoseLoad(id: string, text: string): Diagnosis | null;
  /** Its main process ended. `exitCode` null: not known. */
  ended(id: string, exitCode: number | null): Promise<void>;
  /** Looks at every server now, as after a sleep of the machine. */
  lookNow(): void;
  dispose(): void;
}

/** Time on the clock that never jumps. */
interface Watched {
  dueAtMs: number;
  goneLooks: number;
  isAsking: boolean;
}

export function createObserver(context: AppContext): Observer {
  const { store, clock, log, registry } = context;
  const outputs = createServerOutputs(context);
  const watched = new Map<string, Watched>();
  /** Their end is known, and being judged. */
  const ending = new Set<string>();
  let isRunning = false;
  let isDisposed = false;
  let fullLookAtMs = -Infinity;
  let pause = new AbortController();
  const over = new AbortController();
  const ollama = createOllamaListing(context);

  const isOver = () => isDisposed;
  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const change = (id: string, changed: ServerFacts) =>
    store.dispatch({ type: 'serverChanged', id, change: changed });
  const live = (id: string, event: LifeEvent, changed: ServerFacts) =>
    store.dispatch({ type: 'serverLived', id, event, change: changed });

  /** One loop for all servers: reading the process table costs the same for one as for fifty. */
  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (!isOver() && watched.size > 0) {
      pause = new AbortController();
      // a mistake of ours must not end all watching; it must not keep a core busy either
      const leastMs = await beat().then(
        () => 1,
        (error: unknown) => {
          log.error('observer', 'look broke', { error: String(error) });
          return STARTING_EVERY_MS;
        },
      );
      const nextMs = Math.min(...[...watched.values()].map(({ dueAtMs }) => dueAtMs));
      const waitMs = Math.min(READY_EVERY_MS, Math.max(leastMs, nextMs - clock.elapsedMs()));
      if (watched.size > 0) await clock.sleep(waitMs, pause.signal);
    }
    isRunning = false;
  }

  async function beat(): Promise<void> {
    // who is due soon comes along: fifty servers, each with a beat of its own, would be fifty looks
    const now = clock.elapsedMs() + TOGETHER_MS;
    const due: Server[] = [];
    for (const [id, { dueAtMs }] of watched) {
      const server = serverOf(id);
      if (!server || server.phase === 'ended') watched.delete(id);
      else if (dueAtMs <= now) due.push(server);
    }
    if (due.length === 0) return;
    const recorded = due.filter(({ record }) => record);
    if (recorded.length === due.length && (await areCalm(recorded))) {
      for (const { id } of due) setDue(id, READY_EVERY_MS);
      return;
    }
    // a model in somebody else's Ollama has no record, but a runner that may have died
    const wantsLook = recorded.length > 0 || (due.some(isOllama) && isFullLookDue());
    const index = wantsLook ? await lookAtProcesses() : null;
    for (const server of due) await follow(server, index);
  }

  function setDue(id: string, everyMs: number): void {
    const own = watched.get(id);
    if (own) own.dueAtMs = clock.elapsedMs() + everyMs;
  }

  async function follow({ id }: Server, index: ProcessIndex | null): Promise<void> {
    const server = serverOf(id);
    const own = watched.get(id);
    if (isOver() || !own || !server || server.phase === 'ended') return;
    const family = server.record && index ? launchFamily(server.record, index) : null;
    if (family) await addToRecord(context, server, family);
    own.goneLooks = family && !family.main ? own.goneLooks + 1 : 0;
    // counted in looks: a clock that jumps, or a machine that slept, must not end anything
    if (own.goneLooks >= GONE_LOOKS_BEFORE_END) void ended(id, null);
    else if (own.goneLooks === 0 && !own.isAsking) {
      own.isAsking = true;
      // an endpoint that hangs holds up nobody else
      void askHealth(server, family, index).finally(() => {
        own.isAsking = false;
        if (server.phase === 'ready' && serverOf(id)?.phase !== 'ready') {
          setDue(id, STARTING_EVERY_MS);
          pause.abort();
        }
      });
    }
    const isCalm = serverOf(id)?.phase === 'ready' && own.goneLooks === 0;
    setDue(id, isCalm ? READY_EVERY_MS : STARTING_EVERY_MS);
  }

  /** All ready, and their main processes there: what else lives below them is looked at now and then only. */
  async function areCalm(servers: readonly Server[]): Promise<boolean> {
    if (isFullLookDue()) return false;
    if (servers.some(({ phase }) => phase !== 'ready')) return false;
    const mains = servers.flatMap(({ record }) => record?.main ?? []);
    const some = await context.table.withAncestors(mains.map(({ pid }) => pid));
    const index = indexTable(some);
    return mains.every((main) => findAlive(index, main));
  }

  function isFullLookDue(): boolean {
    return clock.elapsedMs() - fullLookAtMs >= FULL_LOOK_EVERY_MS;
  }

  /** null where the process table can't be read: nothing is concluded from that. */
  async function lookAtProcesses(): Promise<ProcessIndex | null> {
    fullLookAtMs = clock.elapsedMs();
    const table = await context.table.all();
    return table.length === 0 ? null : indexTable(table);
  }

  async function askHealth(
    server: Server,
    family: LaunchFamily | null,
    index: ProcessIndex | null,
  ): Promise<void> {
    const { id, phase, record } = server;
    if (phase === 'ready') {
      // a process of ours says by its end when it is over; of a model in a daemon nobody else does
      if (isOllama(server) && (!record || index)) await askAgain(server, index);
      else if (!record && !(await isHealthy(context, server, over.signal)) && !isOver()) lose(id);
      return;
    }
    if (phase !== 'starting' && phase !== 'lost') return;
    const { isLoaded, warnings } = await look(server, index);
    if (isOver() || isLoaded !== true) return;
    if (!(await isOurs(context, server, family, over.signal))) return;
    const now = serverOf(id);
    if (now?.phase !== 'starting' && now?.phase !== 'lost') return;
    const readyAtMs = now.readyAtMs ?? clock.now();
    live(id, { type: 'healthOk' }, { stage: 'ready', progress: null, readyAtMs, warnings });
    log.info('observer', 'ready', { id, afterMs: readyAtMs - server.startedAtMs });
    const saved = serverOf(id);
    if (saved) await registry.save(saved);
    void context.lookAtGpus();
  }

  async function look(server: Server, index: ProcessIndex | null): Promise<Listed> {
    if (!isOllama(server))
      return { isLoaded: await isHealthy(context, server, over.signal), warnings: [] };
    const listed = await ollama.look(server, index, over.signal);
    // why it is not where it should be, its output may have told
    const { result, cause, remedy } = outputs.soFar(server.id) ?? NOTHING_SAID;
    if (listed.warnings.length === 0 || result !== 'degraded' || !cause) return listed;
    const why = `${cause.title}. ${remedy?.summary ?? ''}`.trim();
    return { ...listed, warnings: [...listed.warnings, why] };
  }

  /** A model that was ready may have been thrown out, or have lost its runner. */
  async function askAgain(server: Server, index: ProcessIndex | null): Promise<void> {
    const { isLoaded, warnings } = await look(server, index);
    const now = serverOf(server.id);
    if (isOver() || now?.phase !== 'ready') return;
    if (isLoaded !== true && !server.record) lose(server.id);
    // without a look at the processes only what was said of them may be missing
    else if (isLoaded !== null && index && String(warnings) !== String(now.warnings))
      change(server.id, { warnings });
  }

  function lose(id: string): void {
    if (serverOf(id)?.phase === 'ready') live(id, { type: 'notFound' }, { usedBytes: null });
  }

  async function ended(id: string, exitCode: number | null): Promise<void> {
    if (!isLive(serverOf(id))) return;
    ending.add(id);
    // another window may have asked it to stop, or have read why it ended
    const [fate, saved] = [await registry.fateOf(id), await registry.read(id)];
    ending.delete(id);
    const server = serverOf(id);
    if (!isLive(server)) return;
    const stopRequested =
      server.stopRequested || saved?.stopRequested === true || fate?.end === 'stopped';
    if (stopRequested && !server.stopRequested) live(id, { type: 'stopRequested' }, {});
    const diagnosis = outputs.atEnd(server, fate, { exitCode, stopRequested });
    // why one ended that we did not start and only looked at, nobody told us: that is no alarm
    const result = diagnosis?.result ?? (server.origin === 'adopted' ? 'stopped' : null);
    live(
      id,
      { type: 'processEnded', result },
      { exitCode, diagnosis, endedAtMs: clock.now(), progress: null, usedBytes: null },
    );
    const now = serverOf(id);
    log.info('observer', 'ended', {
      id,
      why: now?.endReason,
      exitCode,
      cause: diagnosis?.cause?.id,
    });
    outputs.forget(id);
    if (now && !fate) await registry.end(id, fateOf(now, clock.now()));
    await forgetWhenGone(context, id);
  }

  return {
    watch(id) {
      watched.set(id, { dueAtMs: -Infinity, goneLooks: 0, isAsking: false });
      pause.abort();
      void run();
    },
    output(id, chunk) {
      const before = serverOf(id)?.stage;
      outputs.read(id, chunk);
      const own = watched.get(id);
      // what says that it is ready is asked at once: the next look may be a second away
      if (own && before !== 'ready' && serverOf(id)?.stage === 'ready') {
        own.dueAtMs = -Infinity;
        pause.abort();
      }
    },
    diagnoseLoad: (id, text) => outputs.diagnoseLoad(id, text),
    hears: (id) => outputs.hears(id),
    isEnding: (id) => ending.has(id),
    ended,
    lookNow() {
      fullLookAtMs = -Infinity;
      for (const one of watched.values()) one.dueAtMs = -Infinity;
      pause.abort();
    },
    dispose() {
      isDisposed = true;
      over.abort();
      pause.abort();
    },
  };
}

const isOllama = ({ wish }: Server): boolean => wish.engine === 'ollama';

const NOTHING_SAID = { result: null, cause: null, remedy: null };

function isLive(server: Server | undefined): server is Server {
  return server !== undefined && server.phase !== 'ended';
}
