/** Wires the loops together and gives the front doors one object to talk to. */
import type { App, AppOptions } from './app';
import { withCardTotals } from '../planner/cardNames';
import { commandToCopy } from '../engines/vllm/commandToCopy';
import { parsePlanRequest } from '../shared/planRequest';
import { adopt, findCandidates } from './servers/adoption';
import { createApiKeys, forgetKeysOfEnded } from './requests/apiKeys';
import type { AppContext } from './appContext';
import { bareHubName, HUB_GIVES, HUB_NEEDS } from './models/completeFromHub';
import { endHolders, inspectHolders, type CleanerDeps } from './holders/cleaner';
import { createCoexistenceWatch } from './coexistence/coexistenceWatch';
import { diagnostics } from './diagnostics';
import { detectEngines } from './launching/engineDetection';
import { createFailureReporter } from './learning/failureReporter';
import { firstLook } from './firstLook';
import { createGpuWatch } from './gpus/gpuWatch';
import { createHub } from './models/hub';
import { judgeHolders } from './holders/holderJudge';
import { listModels } from './models/modelCatalog';
import { readKnownResults } from './planning/knownResults';
import { learnedFor } from './planning/learnedFor';
import { createLearner } from './learning/learner';
import { createModelService } from './models/modelService';
import { createObserver } from './servers/observer';
import { createOllamaServing } from './ollama/ollamaServing';
import { createOutputTails } from './servers/outputTails';
import { answerRequest, commandSettingsFor } from './planning/planService';
import { planReport } from './planning/planReport';
import { createPortChooser, PREFERRED_PORT } from './launching/portChooser';
import { createOwnRequests } from './requests/ownRequests';
import { createProfileShelf } from './launching/profileShelf';
import { createLaunchTurns } from './launching/launchTurns';
import { watchQuietWindow } from './launching/quietWindow';
import { createRegistry } from './servers/registry';
import { explainFailure, gpuReport } from './reports';
import { createServerMetrics } from './servers/serverMetrics';
import { createServers } from './servers/servers';
import { createServerUse } from './requests/serverUse';
import { snapshotOf } from './snapshot';
import { startAll } from './launching/startAll';
import { initialState } from './state';
import { createStore } from './store';
import { completeWish, defaultWish, emptyWish } from './planning/wishes';
import { workersReport } from './planning/workersReport';

export function startApp(options: AppOptions): App {
  const { files, clock, log, settings } = options;
  let untouched = emptyWish(settings());
  const store = createStore(initialState(untouched));
  const over = new AbortController();
  const watch = createGpuWatch(options, store);
  const { sampler, history } = watch;

  const context: AppContext = {
    ...options,
    store,
    registry: createRegistry(files, files.join(options.storageFolder, 'launches'), log),
    portChooser: createPortChooser(store, options.net, clock),
    ownRequests: createOwnRequests(),
    apiKeys: createApiKeys(options.secrets, log, options.table, options.environment),
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
  const coexistence = createCoexistenceWatch(context, options.workspaceFolder);
  const stopFollowing: (() => void)[] = [];

  return {
    ...servers,
    ...createServerUse(context),
    store,
    log,
    showLog: options.showLog,
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
      if (mightAskHub !== mayAskHub()) models.readAgain();
      mightAskHub = mayAskHub();
      await Promise.all([detectEngines(context), learner.refresh(), coexistence.look()]);
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
