/**
 * Ollama is a daemon plus requests: deploy = make sure it runs (adopt one, or start one in a terminal), then ask it to
 * load; stop = ask it to unload, and end the daemon only if we started it and nobody else of ours uses it.
 */
import { addressOf } from '../../engines/ollama/address';
import { ollamaStopRecipe } from '../../engines/ollama/stop';
import type { PreflightProblem } from '../../engines/engine';
import { fail, ok, type Result } from '../../shared/failure';
import type { OllamaTag } from '../../models/ollamaShow';
import type { Wish } from '../../shared/wish';
import type { AppContext } from '../appContext';
import {
  DOES_NOT_FIT,
  enlist,
  launch,
  lookBeforePlan,
  type DeployResult,
  type Prepared,
} from '../launching/deploy';
import { forgetWhenGone } from '../servers/forgetting';
import { fateOf } from '../servers/launchFate';
import { allGpus } from '../launching/launchGpus';
import type { ModelService } from '../models/modelService';
import type { Observer } from '../servers/observer';
import { createOllamaDaemon, isLoopback, usersOfDaemon } from './ollamaDaemon';
import { loadModel, unloadModel } from './ollamaLoad';
import { daemonDifferences } from './ollamaProcess';
import { answerWish } from '../planning/planService';
import type { Environment } from '../ports';
import { endpointOf } from '../servers/serverText';
import type { Server } from '../state';
import { stopLaunch } from '../servers/stopper';

/** The last lines of a daemon's output come a little after the answer that they explain. */
const OUTPUT_LAG_MS = 300;

/** A problem that a download solves: {@link OllamaServing.deploy} with `pull`. */
export const MODEL_MISSING = 'model_missing';

export interface OllamaServing {
  prepare(wish: Wish): Promise<Result<Prepared>>;
  /**
   * Resolves once the daemon runs and the load is under way; that is watched. `pull`: downloads the model first where
   * the daemon lacks it.
   */
  deploy(listed: Server, how?: { readonly pull?: boolean }): Promise<DeployResult>;
  /** Of the daemon; none where it runs on another machine. */
  gpus(): readonly number[];
  unload(server: Server): Promise<Result<void>>;
  /** Models that the daemon has; empty where none answers. */
  tags(): Promise<readonly OllamaTag[]>;
  /**
   * True where other live servers of ours talk to the same daemon, so that it must stay; the record of its process goes
   * to one of them, and the last one ends it.
   */
  handDaemonOver(server: Server): Promise<boolean>;
}

export function createOllamaServing(
  context: AppContext,
  models: ModelService,
  observer: Observer,
  /** What a daemon started by us would inherit. */
  environment: Environment = {},
): OllamaServing {
  const { store, clock, log } = context;
  const daemon = createOllamaDaemon(context);
  const loads = new Map<string, AbortController>();
  const serverOf = (id: string) => store.state().servers.find((one) => one.id === id);

  async function prepare(wish: Wish): Promise<Result<Prepared>> {
    if (wish.model === '') return fail('invalid', 'Choose a model first.');
    const reading = await models.read('ollama', wish.model);
    const base = daemon.base();
    const { port } = addressOf(base);
    const facts = reading.ok ? reading.value.facts : { name: wish.model };
    await lookBeforePlan(context);
    const answer = answerWish(store.state(), context.settings(), wish, facts, port);
    const problems: PreflightProblem[] = [];
    const add = (id: string, text: string, blocking = true) =>
      problems.push({ id, text, blocking });
    if (await daemon.lacks(base, wish.model))
      add(
        MODEL_MISSING,
        `Ollama at ${base} does not have ${wish.model}: it must download it first.`,
      );
    if (answer.verdict === 'doesNotFit')
      add(
        DOES_NOT_FIT,
        'The model does not fit on the GPU: Ollama would put part of it on the CPU.',
      );
    const differences = await daemonDifferences(context, port, wish.options);
    if (differences.length > 0)
      add(
        'daemon_settings',
        `The running Ollama has other settings than planned: ${differences.join(', ')}. End it first to have them.`,
        false,
      );
    const stray = strayVariables(environment);
    if (stray.length > 0 && (await daemon.version(base)) === null)
      add(
        'llama_arg_env',
        `${stray.join(', ')} is set here, and Ollama's runner obeys it: GPUs may not be found, and loads may fail. Unset it and start VS Code again.`,
      );
    return ok({ wish, answer, port, reading: reading.ok ? reading.value : null, problems });
  }

  async function deploy(
    listed: Server,
    { pull = false }: { readonly pull?: boolean } = {},
  ): Promise<DeployResult> {
    const base = daemon.base();
    const { host, port } = addressOf(base);
    const { id, wish } = listed;
    // one of ours may have been started a moment ago, and not answer yet: a second one would find its port taken
    const isOurs = usersOfDaemon(store.state().servers, { host, port }).some(
      ({ record }) => record,
    );
    if ((await daemon.version(base)) === null && !isOurs) {
      if (!store.state().engines.ollama.found) {
        return refuse(
          'toolMissing',
          `No Ollama answers at ${base}, and no ollama program was found.`,
        );
      }
      if (!isLoopback(host)) {
        return refuse('notFound', `No Ollama answers at ${base}, which is not this machine.`);
      }
      const started = await launch(context, listed);
      if (!started.ok) return started;
    } else {
      log.info('ollama', 'adopting the running daemon', { base });
      const server: Server = { ...listed, host, port, launch: 'request', stage: 'loading' };
      enlist(context, server);
      await context.registry.save(server);
    }
    observer.watch(id);
    void load(id, { base, wish, pull });
    return { ok: true, id };
  }

  async function load(
    id: string,
    what: { readonly base: string; readonly wish: Wish; readonly pull: boolean },
  ): Promise<void> {
    // stopped while its daemon was started and written down: there was no load yet to cancel
    if (serverOf(id)?.phase !== 'starting') return;
    const abort = new AbortController();
    loads.set(id, abort);
    const result = await loadModel(context, daemon, { ...what, id, signal: abort.signal });
    loads.delete(id);
    if (!result.ok && !abort.signal.aborted) await failLoad(id, result.failure.detail);
  }

  async function failLoad(id: string, text: string): Promise<void> {
    if (serverOf(id)?.record) await clock.sleep(OUTPUT_LAG_MS);
    const server = serverOf(id);
    // stopped meanwhile, or its daemon died and its output told more than the broken connection
    if (!server || server.phase === 'ended' || server.phase === 'stopping') return;
    if (observer.isEnding(id)) return;
    const diagnosis = observer.diagnoseLoad(id, text);
    log.warn('ollama', 'load failed', { id, cause: diagnosis?.cause?.id });
    store.dispatch({
      type: 'serverLived',
      id,
      event: { type: 'processEnded', result: 'failed' },
      change: { endedAtMs: clock.now(), progress: null, diagnosis },
    });
    const ended = serverOf(id);
    if (ended) await context.registry.end(id, fateOf(ended, clock.now()));
    // nobody would stop a daemon whose only server has failed
    if (server.record && !(await handDaemonOver(server))) {
      await stopLaunch(context, server.record, ollamaStopRecipe({ forced: false }));
    }
    await forgetWhenGone(context, id);
  }

  async function handDaemonOver(server: Server): Promise<boolean> {
    const heir = usersOfDaemon(store.state().servers, server).find(({ id }) => id !== server.id);
    if (!heir) return false;
    if (server.record && !heir.record) {
      const { record } = server;
      store.dispatch({ type: 'serverChanged', id: heir.id, change: { record } });
      store.dispatch({ type: 'serverChanged', id: server.id, change: { record: null } });
      await context.registry.save({ ...heir, record });
    }
    return true;
  }

  return {
    prepare,
    deploy,
    gpus() {
      const { host } = addressOf(daemon.base());
      return isLoopback(host) ? allGpus(store.state().gpu.sample?.gpus ?? []) : [];
    },
    unload(server) {
      loads.get(server.id)?.abort();
      const { servers } = store.state();
      // a daemon that ends now takes all it holds with it
      const waits =
        !server.record || usersOfDaemon(servers, server).some((one) => one.id !== server.id);
      return unloadModel(context, endpointOf(server), server.wish.model, { waits });
    },
    tags: async () => (await daemon.tags(daemon.base())) ?? [],
    handDaemonOver,
  };
}

/** llama.cpp's own variables, but for the two that Ollama documents: one stray value can hide every GPU (seen in 0.32). */
function strayVariables(environment: Environment): readonly string[] {
  const isMeant = /^LLAMA_ARG_FIT(?:_TARGET)?$/;
  return Object.keys(environment).filter(
    (name) => name.startsWith('LLAMA_ARG_') && !isMeant.test(name),
  );
}

function refuse(reason: 'toolMissing' | 'notFound', detail: string): DeployResult {
  return { ok: false, failure: { reason, detail }, problems: [] };
}
