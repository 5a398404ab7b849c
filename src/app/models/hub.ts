/**
 * Model facts from a hub, where the user allows requests: kept for a day, asked for again only where the repository has
 * moved on, taken from what was kept where the hub can't be reached.
 */
import { DEFAULT_REVISION, hubName, parseEndpoint, type HubModel } from '../../models/hubModel';
import { fail, ok, type Failure, type Result } from '../../shared/failure';
import { formatDuration } from '../../shared/units';
import { environmentToken, isOffline } from './hubEnvironment';
import { readFromHub, type HubFound } from './hubReader';
import { openHubRequests } from './hubRequests';
import { openHubStore, type HubEntry } from './hubStore';
import type { ModelReading } from './modelReading';
import type { Clock, Environment, Files, Http, Log } from '../ports';
import { createSharedReads } from './sharedReads';

const DAY_MS = 24 * 60 * 60_000;
/** A typo, or a model without access, is asked about again after this; a hub that could not be reached sooner. */
const REFUSED_MS = 5 * 60_000;
const FAILED_MS = 30_000;
const MAX_FAILURES = 100;

export interface HubDoors {
  readonly http: Http;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the process that would download the model, as far as it is known here; asked for each reading. */
  readonly environment: () => Environment;
  readonly isAllowed: () => boolean;
  /** The one the user gave us; it wins over the environment's. */
  readonly storedToken: () => Promise<string | null>;
  readonly cacheFolder: string;
}

export interface Hub {
  /** Whether the user allows requests. */
  isAllowed(): boolean;
  /** `name`: as the user wrote it. Fails with needsToken, notFound, cancelled, timedOut, badOutput, refused or failed. */
  read(model: HubModel, name: string, signal?: AbortSignal): Promise<Result<ModelReading>>;
  /** Another token may open what was refused. */
  forgetFailures(): void;
}

interface LastFailure {
  readonly failure: Failure;
  /** What could be read nevertheless. */
  readonly partial: HubEntry | null;
  readonly untilMs: number;
}

export function createHub(doors: HubDoors): Hub {
  const { files, clock, log } = doors;
  const store = openHubStore(files, doors.cacheFolder);
  const failures = new Map<string, LastFailure>();
  const pauses = new Map<string, { untilMs: number }>();
  const shared = createSharedReads<HubEntry>();

  async function load(
    endpoint: string,
    model: HubModel,
    key: string,
    signal: AbortSignal,
  ): Promise<Result<HubEntry>> {
    const kept = await store.find(key);
    const ageMs = kept ? clock.now() - kept.readAtMs : DAY_MS;
    // a time to come: the clock was set back since
    if (kept && ageMs >= 0 && ageMs < DAY_MS) return ok(kept);
    const fresh = lately(key) ?? (await ask(endpoint, model, key, kept, signal));
    if (fresh.ok || !kept) return fresh;
    return ok({ ...kept, notes: [...kept.notes, `Not asked again: ${fresh.failure.detail}`] });
  }

  /** What to answer without a request; null: ask. */
  function lately(key: string): Result<HubEntry> | null {
    if (isOffline(doors.environment()))
      return fail('failed', 'HF_HUB_OFFLINE is set, and this model was never read before.');
    const last = failures.get(key);
    if (!last || clock.elapsedMs() >= last.untilMs) return null;
    return last.partial ? ok(last.partial) : { ok: false, failure: last.failure };
  }

  async function ask(
    endpoint: string,
    model: HubModel,
    key: string,
    kept: HubEntry | null,
    signal: AbortSignal,
  ): Promise<Result<HubEntry>> {
    const token =
      (await doors.storedToken()) ?? (await environmentToken(files, doors.environment()));
    const pause = pauses.get(endpoint) ?? { untilMs: 0 };
    pauses.set(endpoint, pause);
    const access = { http: doors.http, clock, endpoint, token, pause, signal };
    const requests = openHubRequests(access, model.repo);
    const found = await readFromHub(requests, model, model.repo, kept?.commit ?? null);
    const lacking = found.ok ? lackingOf(found.value) : found.failure;
    log.info('hub', 'read', {
      ...requests.spent(),
      hub: requests.hub,
      model: model.repo,
      problem: lacking?.reason ?? null,
    });
    if (!found.ok) {
      remember(key, found.failure, null);
      return found;
    }
    if (found.value === 'unchanged' && kept) return keep({ ...kept, readAtMs: clock.now() });
    if (found.value === 'unchanged') return fail('failed', 'nothing was kept of this model');
    const entry = entryOf(key, found.value, clock.now());
    if (!lacking) return keep(entry);
    // sizes that were read once say more than a config without them
    remember(key, lacking, kept ? null : entry);
    return kept ? { ok: false, failure: lacking } : ok(entry);
  }

  async function keep(entry: HubEntry): Promise<Result<HubEntry>> {
    await store.keep(entry);
    return ok(entry);
  }

  function remember(key: string, failure: Failure, partial: HubEntry | null): void {
    if (failure.reason === 'cancelled') return;
    const isRefusal = failure.reason === 'needsToken' || failure.reason === 'notFound';
    const untilMs = clock.elapsedMs() + (isRefusal ? REFUSED_MS : FAILED_MS);
    const [oldest] = failures.keys();
    if (failures.size >= MAX_FAILURES && oldest !== undefined) failures.delete(oldest);
    failures.set(key, { failure, partial, untilMs });
  }

  return {
    isAllowed: doors.isAllowed,
    async read(model, name, signal) {
      const endpoint = parseEndpoint(doors.environment().HF_ENDPOINT);
      if (!endpoint.ok) return endpoint;
      const key = [endpoint.value, DEFAULT_REVISION, model.repo, model.file ?? ''].join(' ');
      const entry = await shared(key, (ending) => load(endpoint.value, model, key, ending), signal);
      if (!entry.ok) return entry;
      return ok(shownAs(name, entry.value, hubName(endpoint.value), clock.now()));
    },
    forgetFailures: () => failures.clear(),
  };
}

const lackingOf = (found: HubFound | 'unchanged'): Failure | null =>
  found === 'unchanged' ? null : found.lacking;

function entryOf(key: string, { reading, commit }: HubFound, nowMs: number): HubEntry {
  const { facts, basis, longestContext, notes } = reading;
  return {
    version: 1,
    key,
    commit,
    readAtMs: nowMs,
    facts,
    basis: basis === 'headers' || basis === 'gguf' ? basis : 'config',
    longestContext,
    notes: [...notes],
  };
}

function shownAs(name: string, entry: HubEntry, hub: string, nowMs: number): ModelReading {
  const ageMs = Math.max(0, nowMs - entry.readAtMs);
  const age = ageMs < 60_000 ? 'just now' : `${formatDuration(ageMs)} ago`;
  const commit = entry.commit === null ? '' : `, commit ${entry.commit.slice(0, 7)}`;
  return {
    facts: { ...entry.facts, name },
    basis: entry.basis,
    longestContext: entry.longestContext,
    notes: [`From ${hub}, read ${age}${commit}.`, ...entry.notes],
  };
}
