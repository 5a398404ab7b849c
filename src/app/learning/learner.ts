/** Watches how starts end, keeps what they teach, and brings it to the state, where every plan finds it. */
import { conditionKey, hasSizes } from '../../learning/conditions';
import { emptyDocument, type LearnedDocument } from '../../learning/learnedDocument';
import { learnedEntries } from '../../learning/learnedEntries';
import { lessonOf } from '../../learning/lesson';
import type { LearnedRecord } from '../../learning/learnedRecord';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import { createLearnedStore } from './learnedStore';
import type { Server } from '../state';
import { changeTeamFile, readTeamFile, TEAM_FILE } from './teamFile';

/**
 * The terminal's last words may come after the first answer over HTTP, long after it where the machine is busy; another
 * window's write may overtake ours.
 */
const SETTLE_MS = [2_000, 8_000, 50_000];

export interface LearnerPlaces {
  /** The extension's own folder on this machine. */
  readonly storageFolder: string;
  readonly workspaceFolder: string | null;
  readonly isTrusted: () => boolean;
}

export interface Learner {
  /** Learns from every start from now on. Returns the way out. */
  follow(): () => void;
  /** Takes in what other windows and the team learned. */
  refresh(): Promise<void>;
  /** One entry by its key, or all (null). Fails where there is none, or where a file can't be written. */
  forget(key: string | null): Promise<Result<void>>;
}

export function createLearner(context: AppContext, places: LearnerPlaces): Learner {
  const { store, files, clock, log, settings } = context;
  const own = createLearnedStore(context, places.storageFolder);
  let team: LearnedDocument = emptyDocument;
  let teamProblem: string | null = null;
  /** What the state was last told. */
  let last: { own: LearnedDocument; team: LearnedDocument; problems: string } | null = null;
  const over = new AbortController();

  const teamPath = (): string | null =>
    places.workspaceFolder !== null && settings()['learning.teamFile'] && places.isTrusted()
      ? files.join(places.workspaceFolder, '.vscode', TEAM_FILE)
      : null;

  function takeTeam(read: Result<LearnedDocument>): void {
    if (read.ok) team = read.value;
    const problem = read.ok ? null : read.failure.detail;
    if (problem !== null && problem !== teamProblem) log.warn('learning', problem);
    teamProblem = problem;
  }

  function show(): void {
    const problems = [own.problem(), teamProblem].filter((one) => one !== null);
    const shown = { own: own.known(), team, problems: problems.join('\n') };
    if (shown.own === last?.own && team === last.team && shown.problems === last.problems) return;
    last = shown;
    store.dispatch({ type: 'learned', entries: learnedEntries(own.known(), team), problems });
  }

  async function refresh(): Promise<void> {
    await own.sync();
    const path = teamPath();
    takeTeam(path === null ? ok(emptyDocument) : await readTeamFile(files, path));
    show();
  }

  async function keep(record: LearnedRecord): Promise<void> {
    const added: LearnedDocument = { records: [record], forgotten: [] };
    await own.change(added);
    const path = teamPath();
    if (path !== null && !record.simulated) takeTeam(await changeTeamFile(files, path, added));
    show();
  }

  /** A load by a daemon whose output is not ours takes no figures away that another start under its conditions gave. */
  function isKnownBetter(record: LearnedRecord): boolean {
    if (hasSizes(record)) return false;
    const key = conditionKey(record);
    return own.known().records.some((one) => hasSizes(one) && conditionKey(one) === key);
  }

  async function learn(server: Server): Promise<void> {
    const record = recordOf(server, clock.now());
    if (!record || isKnownBetter(record)) return;
    log.info('learning', 'start kept', {
      id: server.id,
      result: record.outcome.result,
      cause: record.outcome.causeId,
    });
    await keep(record);
    let kept = server;
    for (const settleMs of SETTLE_MS) {
      await clock.sleep(settleMs, over.signal);
      if (over.signal.aborted) return;
      const now = store.state().servers.find(({ id }) => id === server.id);
      const isTold = kept.phase === 'ready' && now?.phase === 'ready' && now.facts !== kept.facts;
      const later = isTold ? recordOf(now, clock.now()) : null;
      if (isTold) kept = now;
      if (later) await keep(later);
      else await refresh();
    }
  }

  return {
    follow() {
      let before = new Map<string, Server>();
      const unwatch = store.watch(
        (state) => state.servers,
        (servers) => {
          const known = before;
          before = new Map(servers.map((server) => [server.id, server]));
          if (!settings()['learning.enabled']) return;
          for (const server of servers)
            if (hasShown(known.get(server.id), server)) void learn(server);
        },
      );
      before = new Map(store.state().servers.map((server) => [server.id, server]));
      return () => {
        unwatch();
        over.abort();
      };
    },
    refresh,
    async forget(key) {
      const { entries } = store.state().learned;
      const chosen = entries.filter((entry) => key === null || entry.key === key);
      if (chosen.length === 0) return fail('notFound', 'There is nothing like that to forget.');
      // another machine's clock may be ahead of ours
      const atMs = Math.max(clock.now(), ...chosen.map(({ record }) => record.atMs));
      const gone: LearnedDocument = { records: [], forgotten: [{ key, atMs }] };
      const written = await own.change(gone);
      const path = teamPath();
      const shared = path === null ? ok(emptyDocument) : await changeTeamFile(files, path, gone);
      takeTeam(shared);
      show();
      if (!written.ok) return written;
      return shared.ok ? ok(undefined) : shared;
    },
  };
}

/** It came up for the first time, or it ended by itself. */
function hasShown(before: Server | undefined, now: Server): boolean {
  if (!before || before.phase === 'ended') return false;
  if (now.phase === 'ready') return before.readyAtMs === null && now.readyAtMs !== null;
  return now.phase === 'ended' && (now.endReason === 'failed' || now.endReason === 'crashed');
}

function recordOf(server: Server, atMs: number): LearnedRecord | null {
  const { conditions, facts, simulated, wish } = server;
  // another window reads its output, and learns from that
  const isBlind = server.launch === 'process' && facts === null;
  if (!conditions || isBlind || (server.phase === 'ended' && !server.diagnosis)) return null;
  return lessonOf(
    {
      engine: wish.engine,
      engineVersion: server.engineVersion,
      conditions,
      facts,
      isDegraded: wish.engine === 'ollama' && server.warnings.some((text) => text.includes('CPU')),
      isDisturbed: server.disturbances.length > 0,
      diagnosis: server.phase === 'ended' ? server.diagnosis : null,
      simulated,
    },
    atMs,
  );
}
