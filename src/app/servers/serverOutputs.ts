/** What servers print: a reader for each; what it finds goes into the state, and in the end it says why. */
import { createOllamaLogReader } from '../../engines/ollama/log';
import { createVllmLogReader } from '../../engines/vllm/log';
import type { Diagnosis, EndContext, LogReader } from '../../engines/engine';
import type { AppContext } from '../appContext';
import type { LaunchFate } from './launchFate';
import type { Server } from '../state';

/** Stages are written at once for the other windows, what goes on within one at most this often. */
const PROGRESS_SAVED_EVERY_MS = 2_000;

const GOING_ON: EndContext = { exitCode: null, ended: false, stopRequested: false };

export interface ServerOutputs {
  read(id: string, chunk: string): void;
  /** Whether output of it has arrived in this window. */
  hears(id: string): boolean;
  /** What its output says so far; null: it was not heard. */
  soFar(id: string): Diagnosis | null;
  /** Why a load failed that an answer of the daemon tells, together with what it printed. */
  diagnoseLoad(id: string, text: string): Diagnosis | null;
  /** @param fate what another window has read of the same end. */
  atEnd(
    server: Server,
    fate: LaunchFate | null,
    end: Pick<EndContext, 'exitCode' | 'stopRequested'>,
  ): Diagnosis | null;
  forget(id: string): void;
}

export function createServerOutputs(context: AppContext): ServerOutputs {
  const { store, clock, registry } = context;
  const readers = new Map<string, LogReader>();
  const progressSavedAtMs = new Map<string, number>();

  const liveServerOf = (id: string): Server | undefined =>
    store.state().servers.find((server) => server.id === id && server.phase !== 'ended');

  function readerOf({ id, wish }: Server): LogReader {
    const known = readers.get(id);
    if (known) return known;
    const reader =
      wish.engine === 'ollama'
        ? createOllamaLogReader({ model: wish.model, options: wish.options })
        : createVllmLogReader();
    readers.set(id, reader);
    return reader;
  }

  function saveStage(before: Server): void {
    const now = liveServerOf(before.id);
    if (now?.phase !== 'starting' || !now.record) return;
    const savedAtMs = progressSavedAtMs.get(now.id) ?? -Infinity;
    const isDue = clock.elapsedMs() - savedAtMs >= PROGRESS_SAVED_EVERY_MS;
    if (now.stage === before.stage && !(isDue && now.progress !== before.progress)) return;
    progressSavedAtMs.set(now.id, clock.elapsedMs());
    void registry.save(now);
  }

  return {
    read(id, chunk) {
      const server = liveServerOf(id);
      if (!server) return;
      const reader = readerOf(server);
      if (!reader.push(chunk)) return;
      const { facts, engineVersion, stage, progress } = reader.reading();
      const change = {
        facts,
        engineVersion: engineVersion ?? server.engineVersion,
        ...(server.phase === 'starting' && { stage, progress }),
      };
      store.dispatch({ type: 'serverChanged', id, change });
      saveStage(server);
    },
    hears: (id) => readers.has(id),
    soFar: (id) => readers.get(id)?.diagnose(GOING_ON) ?? null,
    diagnoseLoad(id, text) {
      const server = liveServerOf(id);
      if (!server) return null;
      const reader = readerOf(server);
      reader.push(`\nError: ${text}\n`);
      const { cause, ...diagnosis } = reader.diagnose(GOING_ON);
      // the daemon's own words say more than that nobody knows them
      const [title = text] = text.split('\n');
      const isKnown = cause !== null && cause.id !== 'unknown';
      return {
        ...diagnosis,
        result: 'failed',
        cause: isKnown ? cause : { id: 'unknown', evidence: cause?.evidence ?? [], title },
        remedy: isKnown ? diagnosis.remedy : null,
      };
    },
    atEnd(server, fate, end) {
      if (!readers.has(server.id)) {
        if (fate) return fate.diagnosis;
        if (server.origin === 'adopted') return null;
      }
      const isWatched = server.origin === 'started';
      return readerOf(server).diagnose({ ...end, ended: true, isWatched });
    },
    forget(id) {
      readers.delete(id);
      progressSavedAtMs.delete(id);
    },
  };
}
