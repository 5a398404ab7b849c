/** Wires the loops together and gives the front doors one object to talk to. */
import type { GpuProcess } from '../gpu/gpu';
import { simulatedSource } from '../gpu/simulated';
import { GPU_SOURCES } from '../gpu/sources';
import type { Holder } from '../processes/process';
import { shellCommand } from '../shared/shellText';
import { ok, type Result } from '../shared/failure';
import type { Command, PlanAnswer } from '../shared/planAnswer';
import { parsePlanRequest, type EngineId } from '../shared/planRequest';
import type { Snapshot } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import type { AppContext, Ports } from './appContext';
import { endHolders, inspectHolders, type CleanerDeps, type EndOutcome } from './cleaner';

import { detectEngines } from './engineDetection';
import { findServersAgain } from './foundAgain';
import { judgeHolders } from './holderJudge';
import { listModels } from './modelCatalog';
import { createModelService } from './modelService';
import { createObserver } from './observer';
import { createOllamaServing } from './ollamaServing';
import { answerRequest, commandSettingsFor } from './planService';
import { createPortChooser, PREFERRED_PORT } from './portChooser';
import type { Launcher } from './ports';
import { changeProfiles, loadProfiles } from './profiles';
import { createRegistry } from './registry';
import { diagnostics, explainFailure, gpuReport } from './reports';
import { createSampler } from './sampler';
import { createServers, type Servers } from './servers';
import type { Settings } from './settings';
import { snapshotOf } from './snapshot';
import { initialState, type Profile, type Server } from './state';
import { createStore, type AppStore } from './store';
import { completeWish, defaultWish, emptyWish } from './wishes';
import { workersReport } from './workersReport';

export interface AppOptions extends Ports {
  readonly launcher: Launcher;
  readonly settings: () => Settings;
  readonly showLog: () => void;
  /** The extension's own folder on this machine. */
  readonly storageFolder: string;
  readonly workspaceFolder: string | null;
  /** Runs a simulated server for given `vllm serve` arguments. */
  readonly simulatedServer: Command;
  readonly hubCacheFolders: readonly string[];
  readonly version: string;
  /** True while somebody looks. */
  readonly isWatched: () => boolean;
}

export interface App extends Servers {
  readonly store: AppStore;
  readonly log: Ports['log'];
  showLog(): void;
  now(): number;
  /** Starts the loops; returns at once. */
  run(): void;
  /** Somebody looks again. */
  wake(): void;
  refresh(): Promise<void>;
  settingsChanged(): Promise<void>;
  setWish(wish: Wish, from: 'page' | 'host'): void;
  defaultWish(engine: EngineId, model: string): Promise<Wish>;
  completeWish(wish: Wish): Wish;
  listModels(): Promise<void>;
  /** Throws with the field's name where the request is invalid. */
  planRequest(request: unknown): Promise<PlanAnswer>;
  snapshot(trusted: boolean): Promise<Snapshot>;
  inspectHolders(): Promise<readonly Holder[]>;
  endHolders(holders: readonly Holder[]): Promise<EndOutcome>;
  saveProfile(profile: Profile): Promise<Result<void>>;
  deleteProfile(name: string): Promise<Result<void>>;
  commandText(command: Command): string;
  wishedCommandText(): Promise<string>;
  gpuReport(): Promise<string>;
  workersReport(): Promise<string>;
  diagnostics(): string;
  explain(server: Server): string;
  dispose(): void;
}

export function startApp(options: AppOptions): App {
  const { files, clock, log, settings } = options;
  const store = createStore(initialState(emptyWish(settings())));
  const over = new AbortController();

  const source = () => (settings().simulate ? simulated : (GPU_SOURCES[0] ?? simulated));
  const simulated = simulatedSource(() => simulatedHolders(store));
  const sampler = createSampler(
    { exec: options.exec, files, clock, log, store, source },
    {
      intervalMs: () => settings()['monitor.intervalSeconds'] * 1000,
      warnPercent: () => settings()['statusBar.warnAtPercent'],
      executable: () => settings()['monitor.executablePath'],
      isWatched: options.isWatched,
    },
  );

  const context: AppContext = {
    ...options,
    store,
    registry: createRegistry(files, files.join(options.storageFolder, 'launches'), log),
    portChooser: createPortChooser(store, options.net, clock),
    newId: () => crypto.randomUUID(),
    lookAtGpus: async () => {
      await sampler.lookNow();
      return store.state().gpu.status === 'ok' ? store.state().gpu.sample : null;
    },
  };
  const cleaner: CleanerDeps = {
    table: options.table,
    clock,
    log,
    files,
    sampleGpus: context.lookAtGpus,
    launches: () =>
      store
        .state()
        .servers.flatMap(({ record }) => (record ? [{ record, origin: 'ours' as const }] : [])),
    get protect() {
      return settings()['cleanUp.protect'];
    },
  };
  const models = createModelService(context);
  const observer = createObserver(context);
  const ollama = createOllamaServing(context, models, observer);
  let found = Promise.resolve();
  const servers = createServers(
    context,
    { models, observer, ollama },
    () => (settings().simulate ? options.simulatedServer : null),
    () => found,
  );
  options.launcher.listen({
    output: (id, chunk) => observer.output(id, chunk),
    started: (id, pid) => log.info('launcher', 'found again', { id, pid }),
    ended: (id, exitCode) => void observer.ended(id, exitCode),
  });

  const profilesPath =
    options.workspaceFolder === null
      ? files.join(options.storageFolder, 'profiles.json')
      : files.join(options.workspaceFolder, '.vscode', 'vram-pilot.profiles.json');

  async function readProfiles(): Promise<void> {
    const loaded = await loadProfiles(files, profilesPath);
    if (loaded.ok) store.dispatch({ type: 'profilesLoaded', profiles: loaded.value });
    else log.warn('profiles', 'could not be read', { why: loaded.failure.detail });
  }

  async function writeProfiles(
    change: (current: readonly Profile[]) => readonly Profile[],
  ): Promise<Result<void>> {
    const saved = await changeProfiles(files, profilesPath, change);
    if (!saved.ok) return saved;
    store.dispatch({ type: 'profilesLoaded', profiles: saved.value });
    return ok(undefined);
  }

  const stopFollowing: (() => void)[] = [];

  return {
    ...servers,
    store,
    log,
    showLog: options.showLog,
    now: () => clock.now(),
    run() {
      stopFollowing.push(models.follow(), judgeHolders(context, cleaner));
      void sampler.run(over.signal);
      found = findServersAgain(context, observer);
      void detectEngines(context);
      void readProfiles();
    },
    wake: () => sampler.wake(),
    async refresh() {
      await Promise.all([sampler.lookNow(), detectEngines(context), readProfiles()]);
    },
    async settingsChanged() {
      sampler.wake();
      await detectEngines(context);
    },
    setWish: (wish, from) => store.dispatch({ type: 'wished', wish, from }),
    defaultWish: (engine, model) => defaultWish(models, settings(), engine, model),
    completeWish: (wish) => completeWish(settings(), wish),
    async listModels() {
      store.dispatch({
        type: 'modelsListed',
        models: await listModels(files, {
          cacheFolders: options.hubCacheFolders,
          roots: options.workspaceFolder === null ? [] : [options.workspaceFolder],
          ollamaTags: await ollama.tags(),
        }),
      });
    },
    planRequest(request) {
      const parsed = parsePlanRequest(request);
      if (!parsed.ok) {
        return Promise.reject(new Error(`${parsed.error.field}: ${parsed.error.message}`));
      }
      const wish = { ...emptyWish(settings()), engine: parsed.value.engine };
      const command = commandSettingsFor(store.state(), settings(), wish, PREFERRED_PORT);
      return Promise.resolve(answerRequest(parsed.value, command));
    },
    async snapshot(trusted) {
      const surroundings = {
        nowMs: clock.now(),
        trusted,
        port: await context.portChooser.preview(),
      };
      return snapshotOf(store.state(), settings(), surroundings);
    },
    inspectHolders: () => inspectHolders(cleaner),
    endHolders: (holders) =>
      endHolders(
        cleaner,
        holders.map((holder) => holder.pid),
        { shown: holders },
      ),
    saveProfile: (profile) =>
      // in its old place: the file is shared, and what has not changed should not show in a diff
      writeProfiles((current) =>
        current.some((one) => one.name === profile.name)
          ? current.map((one) => (one.name === profile.name ? profile : one))
          : [...current, profile],
      ),
    deleteProfile: (name) =>
      writeProfiles((current) => current.filter((profile) => profile.name !== name)),
    commandText: shellCommand,
    async wishedCommandText() {
      const prepared = await servers.prepare(store.state().wish);
      return prepared.ok ? shellCommand(prepared.value.answer.command) : '';
    },
    async gpuReport() {
      await sampler.lookNow();
      return gpuReport(store.state(), clock.now());
    },
    workersReport: () => workersReport(context, options.workspaceFolder),
    diagnostics: () => diagnostics(store.state(), settings(), options.version),
    explain: (server) => explainFailure(server, clock.now()),
    dispose() {
      over.abort();
      observer.dispose();
      for (const stop of stopFollowing) stop();
    },
  };
}

function simulatedHolders(store: AppStore): GpuProcess[] {
  return store.state().servers.flatMap((server): GpuProcess[] => {
    if (!server.simulated || server.phase === 'ended' || !server.record) return [];
    const planned = server.plannedBytesPerGpu[0] ?? 0;
    const share = server.phase === 'ready' ? 1 : 0.4;
    return [
      {
        pid: server.record.main.pid,
        usedBytes: Math.round(planned * share),
        name: 'simulated server',
        gpus: [0],
      },
    ];
  });
}
