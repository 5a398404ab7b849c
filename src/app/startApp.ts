/** Wires the loops together and gives the front doors one object to talk to. */
import type { Holder } from '../processes/process';
import { withCardTotals } from '../planner/cardNames';
import { shellCommand } from '../shared/shellText';
import type { Result } from '../shared/failure';
import type { Command, PlanAnswer } from '../shared/planAnswer';
import { parsePlanRequest, type EngineId } from '../shared/planRequest';
import type { Snapshot } from '../shared/protocol';
import type { Wish } from '../shared/wish';
import { adopt, findCandidates, type Candidate } from './adoption';
import type { AppContext, Ports } from './appContext';
import { bareHubName, HUB_GIVES, HUB_NEEDS } from './completeFromHub';
import { endHolders, inspectHolders, type CleanerDeps, type EndOutcome } from './cleaner';
import type { DeployResult } from './deploy';
import { diagnostics } from './diagnostics';
import { detectEngines } from './engineDetection';
import { createFailureReporter } from './failureReporter';
import { createGpuWatch } from './gpuWatch';
import type { GpuHistory } from './history';
import { createHub } from './hub';
import type { Environment } from './hubEnvironment';
import { judgeHolders } from './holderJudge';
import { listModels } from './modelCatalog';
import { learnedFor } from './learnedFor';
import { createLearner } from './learner';
import { createModelService } from './modelService';
import { createObserver } from './observer';
import type { OfferedLaunch } from './offeredLaunch';
import { createOllamaServing } from './ollamaServing';
import { createOutputTails, type OutputTails } from './outputTails';
import { answerRequest, commandSettingsFor } from './planService';
import { createPortChooser, PREFERRED_PORT } from './portChooser';
import type { Launcher } from './ports';
import { createProfileShelf } from './profileShelf';
import { createLaunchTurns } from './launchTurns';
import { watchQuietWindow } from './quietWindow';
import { createRegistry } from './registry';
import { explainFailure, gpuReport } from './reports';
import { createServerMetrics } from './serverMetrics';
import { createServers, type Servers } from './servers';
import type { Settings } from './settings';
import { snapshotOf } from './snapshot';
import { startAll, type StartAllOptions, type StartAllOutcome } from './startAll';
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
  /** Of this process: which hub, and the user's token for it. */
  readonly environment: Environment;
  /** A token for the hub that the user gave to the editor; null: none. */
  readonly storedHubToken: () => Promise<string | null>;
  readonly version: string;
  /** True while somebody looks. */
  readonly isWatched: () => boolean;
  /** The workspace is trusted. */
  readonly isTrusted: () => boolean;
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
  /** Where the sizes of a typed model would come from; null: nothing to say. */
  hintForTyped(model: string): string | null;
  /** Asks the hub again for what it refused. */
  hubTokenChanged(): void;
  setWish(wish: Wish, from: 'page' | 'host'): void;
  defaultWish(engine: EngineId, model: string): Promise<Wish>;
  completeWish(wish: Wish): Wish;
  listModels(): Promise<void>;
  /** Throws with the field's name where the request is invalid. */
  planRequest(request: unknown): Promise<PlanAnswer>;
  snapshot(trusted: boolean): Promise<Snapshot>;
  inspectHolders(): Promise<readonly Holder[]>;
  endHolders(holders: readonly Holder[]): Promise<EndOutcome>;
  /** Servers that somebody else started on this machine. */
  findCandidates(): Promise<readonly Candidate[]>;
  /** Watches one of them from now on, in every window. Resolves with its id. */
  adopt(candidate: Candidate): Promise<Result<string>>;
  /** Puts a ready server that offers it to sleep, or wakes it up. */
  setAsleep(id: string, asleep: boolean): Promise<Result<void>>;
  /** One after another, each when the one before is ready. */
  startAll(profiles: readonly Profile[], options: StartAllOptions): Promise<StartAllOutcome>;
  saveProfile(profile: Profile): Promise<Result<void>>;
  deleteProfile(name: string): Promise<Result<void>>;
  /** Forgets one thing that was learned, by its key, or everything (null). */
  forgetLearned(key: string | null): Promise<Result<void>>;
  commandText(command: Command): string;
  wishedCommandText(): Promise<string>;
  gpuReport(): Promise<string>;
  workersReport(): Promise<string>;
  diagnostics(): string;
  explain(server: Server): string;
  /** What each server printed last, also after its end. */
  readonly outputs: Pick<OutputTails, 'tailOf' | 'listen'>;
  /** Where the memory of each GPU is going. */
  readonly trends: GpuHistory['trends'];
  /** The corrected launch of a failed server, or the step up of a ready one, by the facts of this moment. */
  offer(id: string): Promise<Result<OfferedLaunch>>;
  startOffered(id: string, offer: OfferedLaunch, how: { force: boolean }): Promise<DeployResult>;
  dispose(): void;
}

export function startApp(options: AppOptions): App {
  const { files, clock, log, settings } = options;
  const store = createStore(initialState(emptyWish(settings())));
  const over = new AbortController();
  const watch = createGpuWatch(options, store);
  const { sampler, history } = watch;

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
        .servers.flatMap(({ record, origin }) =>
          record
            ? [{ record, origin: origin === 'adopted' ? ('adopted' as const) : ('ours' as const) }]
            : [],
        ),
    get protect() {
      return settings()['cleanUp.protect'];
    },
  };
  const mayAskHub = () => settings()['hub.allowRequests'];
  const hub = createHub({
    ...options,
    // vLLM would download from the mirror that its own settings name
    environment: () => ({ ...options.environment, ...settings()['vllm.environment'] }),
    isAllowed: mayAskHub,
    storedToken: options.storedHubToken,
    cacheFolder: files.join(options.storageFolder, 'hub'),
  });
  const models = createModelService(context, hub);
  let mightAskHub = mayAskHub();
  const observer = createObserver(context);
  const learner = createLearner(context, options);
  const ollama = createOllamaServing(context, models, observer, options.environment);
  const lockFolder = files.join(options.storageFolder, 'locks');
  const { shared, queue } = createLaunchTurns(context, observer, lockFolder);
  let found = Promise.resolve();
  const servers = createServers(
    context,
    { models, observer, ollama, queue },
    () => (settings().simulate ? options.simulatedServer : null),
    () => found,
  );
  const outputs = createOutputTails();
  const metrics = createServerMetrics(context, options.isWatched);
  const isHeard = (id: string) => outputs.tailOf(id) !== null;
  const failures = createFailureReporter(context, models, () => servers, isHeard);
  options.launcher.listen({
    output(id, chunk) {
      outputs.push(id, chunk);
      observer.output(id, chunk);
    },
    started: (id, pid) => log.info('launcher', 'found again', { id, pid }),
    ended(id, exitCode) {
      outputs.end(id);
      void observer.ended(id, exitCode);
    },
  });

  const profiles = createProfileShelf(context, options);
  const stopFollowing: (() => void)[] = [];

  return {
    ...servers,
    store,
    log,
    showLog: options.showLog,
    now: () => clock.now(),
    run() {
      stopFollowing.push(models.follow(), judgeHolders(context, cleaner), learner.follow());
      void sampler.run(over.signal);
      stopFollowing.push(queue.follow(), watchQuietWindow(context), failures.follow());
      stopFollowing.push(metrics.follow());
      found = shared.sync();
      void shared.run(over.signal);
      void detectEngines(context);
      void profiles.read();
      void learner.refresh();
    },
    wake() {
      sampler.wake();
      void learner.refresh();
    },
    async refresh() {
      await Promise.all([
        sampler.lookNow(),
        detectEngines(context),
        profiles.read(),
        learner.refresh(),
      ]);
    },
    async settingsChanged() {
      sampler.wake();
      if (mightAskHub !== mayAskHub()) models.readAgain();
      mightAskHub = mayAskHub();
      await Promise.all([detectEngines(context), learner.refresh()]);
    },
    hintForTyped: (name) =>
      bareHubName('vllm', { name }) === null ? null : mayAskHub() ? HUB_GIVES : HUB_NEEDS,
    hubTokenChanged: () => models.readAgain(),
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
    async planRequest(request) {
      const parsed = parsePlanRequest(withCardTotals(request));
      if (!parsed.ok) throw new Error(`${parsed.error.field}: ${parsed.error.message}`);
      const wish = { ...emptyWish(settings()), engine: parsed.value.engine };
      const command = commandSettingsFor(store.state(), settings(), wish, PREFERRED_PORT);
      const { engine, model, gpus, learned } = parsed.value;
      const onHub = mayAskHub() ? bareHubName(engine, model) : null;
      const reading = onHub === null ? null : await models.read(engine, onHub);
      const facts = reading?.ok ? reading.value.facts : model;
      const known = learnedFor(store.state(), settings(), {
        engine,
        model: facts.name ?? facts.path ?? '',
        facts,
        extraArguments: [],
        gpu: gpus[0],
      });
      const calibrated = { ...parsed.value, model: facts, learned: learned ?? [...known] };
      return answerRequest(calibrated, command);
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
    async findCandidates() {
      await shared.sync();
      return findCandidates(context);
    },
    async adopt(candidate) {
      await shared.sync();
      return adopt(context, observer, candidate);
    },
    setAsleep: (id, asleep) => metrics.setAsleep(id, asleep),
    startAll: (chosen, how) => startAll({ store, servers }, chosen, how),
    saveProfile: profiles.save,
    deleteProfile: profiles.delete,
    forgetLearned: (key) => learner.forget(key),
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
    diagnostics: () =>
      diagnostics({
        state: store.state(),
        settings: settings(),
        version: options.version,
        nowMs: clock.now(),
        samples: history.list(),
        tailOf: outputs.tailOf,
        homeFolder: files.homeFolder(),
      }),
    explain: (server) => explainFailure(server, outputs.tailOf(server.id), clock.now()),
    trends: history.trends,
    outputs,
    offer: failures.offer,
    startOffered: failures.start,
    dispose() {
      over.abort();
      observer.dispose();
      for (const stop of stopFollowing) stop();
      watch.stop();
    },
  };
}
