/** Wires the loops together and gives the front doors one object to talk to. */
import { commandToCopy } from '../engines/vllm/commandToCopy';
import { createCoexistenceWatch } from './coexistence/coexistenceWatch';
import { firstLook } from './gpus/firstLook';
import { gpuReport } from './gpus/gpuReport';
import { createGpuWatch } from './gpus/gpuWatch';
import { endHolders, inspectHolders, type CleanerDeps } from './holders/cleaner';
import { judgeHolders } from './holders/holderJudge';
import { detectEngines } from './launching/engineDetection';
import { createLaunchTurns } from './launching/launchTurns';
import { createPortChooser } from './launching/portChooser';
import { createProfileShelf } from './launching/profileShelf';
import { watchQuietWindow } from './launching/quietWindow';
import { startAll } from './launching/startAll';
import { explainFailure } from './learning/failureExplanation';
import { createFailureReporter } from './learning/failureReporter';
import { createLearner } from './learning/learner';
import { createHub } from './models/hub';
import { hubCacheFolders } from './models/hubEnvironment';
import { listModels } from './models/modelCatalog';
import { createModelService } from './models/modelService';
import { hintForTyped } from './models/typedModel';
import { createOllamaServing } from './ollama/ollamaServing';
import { readKnownResults } from './planning/knownResults';
import { planReport } from './planning/planReport';
import { planRequested } from './planning/requestedPlan';
import { completeWish, defaultWish, emptyWish } from './planning/wishes';
import { workersReport } from './planning/workersReport';
import { createApiKeys, forgetKeysOfEnded } from './requests/apiKeys';
import { createOwnRequests } from './requests/ownRequests';
import { createServerUse } from './requests/serverUse';
import { adopt, findCandidates } from './servers/adoption';
import { createObserver } from './servers/observer';
import { createOutputTails } from './servers/outputTails';
import { createRegistry } from './servers/registry';
import { createServerMetrics } from './servers/serverMetrics';
import { createServers } from './servers/servers';
import type { App, AppOptions } from './app';
import type { AppContext } from './appContext';
import { diagnostics } from './diagnostics';
import { snapshotOf } from './snapshot';
import { initialState } from './state';
import { createStore } from './store';

export function startApp(options: AppOptions): App {
  const { files, clock, log, settings } = options;
  let untouched = emptyWish(settings());
  const store = createStore(initialState(untouched));
  const over = new AbortController();
  const watch = createGpuWatch(options, store);
  const { sampler, history } = watch;

  /** Of a vLLM server: from where it would download, and where it finds what was downloaded. */
  const serverEnvironment = () => ({ ...options.environment, ...settings()['vllm.environment'] });

  const context: AppContext = {
    ...options,
    store,
    registry: createRegistry(files, files.join(options.storageFolder, 'launches'), log),
    portChooser: createPortChooser(store, options.net, clock),
    ownRequests: createOwnRequests(),
    apiKeys: createApiKeys(options.secrets, log, options.table, options.environment),
    hubCacheFolders: () => hubCacheFolders(files, serverEnvironment()),
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
    environment: serverEnvironment,
    isAllowed: mayAskHub,
    storedToken: options.storedHubToken,
    cacheFolder: files.join(options.storageFolder, 'hub'),
  });
  const models = createModelService(context, hub);
  const modelSettings = () =>
    JSON.stringify([mayAskHub(), settings()['vllm.environment'], settings()['ollama.host']]);
  let readUnder = modelSettings();
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
  const coexistence = createCoexistenceWatch(context, options.workspaceFolder);
  const stopFollowing: (() => void)[] = [];

  return {
    ...servers,
    ...createServerUse(context),
    store,
    log,
    now: () => clock.now(),
    run() {
      void sampler.run(over.signal);
      stopFollowing.push(models.follow(), judgeHolders(context, cleaner), learner.follow());
      stopFollowing.push(queue.follow(), watchQuietWindow(context), failures.follow());
      stopFollowing.push(metrics.follow(), forgetKeysOfEnded(store, context.apiKeys));
      // the rest starts programs and reads files, for which the first figures would wait
      const looked = firstLook(store, clock);
      found = looked.then(() => shared.sync());
      // a model that a server of ours has loaded would count as somebody else's before that
      void found.then(() => {
        if (!over.signal.aborted) stopFollowing.push(coexistence.follow());
      });
      void looked.then(() => {
        if (over.signal.aborted) return;
        void shared.run(over.signal);
        void detectEngines(context);
        void profiles.read();
        void readKnownResults(context, options);
        void learner.refresh();
      });
    },
    wake() {
      sampler.wake();
      void found.then(() => coexistence.look());
      void learner.refresh();
    },
    async refresh() {
      await Promise.all([
        sampler.lookNow(),
        detectEngines(context),
        profiles.read(),
        readKnownResults(context, options),
        learner.refresh(),
        coexistence.look(),
      ]);
    },
    async settingsChanged() {
      sampler.wake();
      const { wish } = store.state();
      const blank = emptyWish(settings());
      // nobody has wished for anything yet, so the start of a new plan follows the settings
      if (wish === untouched && JSON.stringify(wish) !== JSON.stringify(blank)) {
        untouched = blank;
        store.dispatch({ type: 'wished', wish: blank, from: 'host' });
      }
      if (readUnder !== modelSettings()) models.readAgain();
      readUnder = modelSettings();
      await Promise.all([detectEngines(context), learner.refresh(), coexistence.look()]);
      await failures.lookAgain();
    },
    hintForTyped: (name) => hintForTyped(name, mayAskHub()),
    hubTokenChanged: () => models.readAgain(),
    setWish: (wish, from) => store.dispatch({ type: 'wished', wish, from }),
    defaultWish: (engine, model) => defaultWish(models, settings(), engine, model),
    completeWish: (wish) => completeWish(settings(), wish),
    async listModels() {
      store.dispatch({
        type: 'modelsListed',
        models: await listModels(files, {
          cacheFolders: context.hubCacheFolders(),
          roots: options.workspaceFolder === null ? [] : [options.workspaceFolder],
          ollamaTags: await ollama.tags(),
        }),
      });
    },
    planRequest: (request) => planRequested(context, models, request),
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
    profilesFile: profiles.path,
    readProfiles: profiles.read,
    saveProfile: profiles.save,
    deleteProfile: profiles.delete,
    forgetLearned: (key) => learner.forget(key),
    system: async () => (await options.table.self()).system,
    isOwn: failures.isOwn,
    commandText: commandToCopy,
    async wishedCommandText() {
      const prepared = await servers.prepare(store.state().wish);
      return prepared.ok ? commandToCopy(prepared.value.answer.command) : '';
    },
    async planReport() {
      await readKnownResults(context, options);
      return planReport(context, models);
    },
    async gpuReport() {
      await sampler.lookNow();
      return gpuReport(store.state(), clock.now());
    },
    workersReport: (wish) => workersReport(context, coexistence, wish),
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
