/**
 * From a wish to a running process: read the model, plan, look for what would go wrong, choose a port, start in a
 * terminal, remember it. Watching is `observer.ts`, stopping `stopping.ts`.
 */
import { optionsInArguments } from '../../engines/vllm/argumentOptions';
import { checkArguments } from '../../engines/vllm/arguments';
import { valueOfFlag } from '../../engines/vllm/flagValue';
import { commandWithoutKeys, wishWithoutKeys } from '../../engines/vllm/keyArguments';
import { isOpenToNetwork, keyInArguments, reachableHost } from '../../engines/vllm/listening';
import type { PreflightProblem } from '../../engines/engine';
import { noFacts } from '../../engines/startFacts';
import { engineNames } from '../../shared/engineNames';
import { fail, ok, type Failure, type Result } from '../../shared/failure';
import type { Command, PlanAnswer } from '../../shared/planAnswer';
import { LAUNCH_MARK } from '../../processes/process';
import { formatCount } from '../../shared/units';
import type { Wish } from '../../shared/wish';
import type { AppContext } from '../appContext';
import { fateOf } from '../servers/launchFate';
import { conditionsOf } from './launchNotes';
import type { ModelReading } from '../models/modelReading';
import type { ModelService } from '../models/modelService';
import type { LaunchSpec } from '../ports';
import { answerWish, commandSettingsFor, fitsOnWhatIsKept } from '../planning/planService';
import { reasonOf } from '../planning/planText';
import { launchGpus } from './launchGpus';
import { recordOf } from '../servers/launchRecord';
import { newServer } from './newServer';
import type { Server } from '../state';

export type DeployResult =
  | { readonly ok: true; readonly id: string }
  | {
      readonly ok: false;
      readonly failure: Failure;
      /** Non-empty where Deploy Anyway would go on. */
      readonly problems: readonly PreflightProblem[];
    };

/** What a launch would do, and what speaks against it. */
export interface Prepared {
  readonly wish: Wish;
  readonly answer: PlanAnswer;
  readonly port: number;
  readonly reading: ModelReading | null;
  readonly problems: readonly PreflightProblem[];
}

/** By the plan. */
export const DOES_NOT_FIT = 'does_not_fit';

/** No likely failure, but nothing to happen unasked: it listens beyond this machine. */
export const OPEN_TO_NETWORK = 'open_to_network';

/** Above it a start check would be a guess. */
const OLD_MS = 1_000;

/** @param hasWaited it was planned a while ago, and something has ended since */
export async function lookBeforePlan(context: AppContext, hasWaited = false): Promise<void> {
  // the clock may have been set back since
  const ageMs = Math.abs(context.clock.now() - (context.store.state().gpu.sampledAtMs ?? 0));
  if (hasWaited || ageMs > OLD_MS) await context.lookAtGpus();
}

export async function prepareVllm(
  context: AppContext,
  models: ModelService,
  wish: Wish,
  /** The launch that waited in the list, where it is planned anew because its turn has come. */
  listed: Pick<Server, 'id' | 'port'> | null = null,
): Promise<Result<Prepared>> {
  if (wish.model === '') return fail('invalid', 'Choose a model first.');
  const { store, net } = context;
  const settings = context.settings();
  const reading = await models.read('vllm', wish.model);
  const kept = listed && (await net.isPortFree(listed.port)) ? listed.port : null;
  const port = wish.port ?? kept ?? (await context.portChooser.take());
  await lookBeforePlan(context, listed !== null);
  const facts = reading.ok ? reading.value.facts : { name: wish.model };
  const answer = answerWish(store.state(), settings, wish, facts, port);
  const problems = await preflight(context, wish, answer, reading, port, listed?.id);
  return ok({ wish, answer, port, reading: reading.ok ? reading.value : null, problems });
}

async function preflight(
  context: AppContext,
  wish: Wish,
  answer: PlanAnswer,
  reading: Result<ModelReading>,
  port: number,
  ownId?: string,
): Promise<PreflightProblem[]> {
  const { engines } = context.store.state();
  const servers = context.store.state().servers.filter(({ id }) => id !== ownId);
  const settings = context.settings();
  const problems: PreflightProblem[] = [];
  const add = (id: string, text: string, blocking = true) => problems.push({ id, text, blocking });
  if (!engines.vllm.found && !settings.simulate) {
    add(
      'engine_not_found',
      'vLLM was not found: set vramPilot.vllm.executablePath or put it on PATH.',
    );
  }
  if (!reading.ok) add('model_unreadable', reading.failure.detail);
  const longest = reading.ok ? reading.value.longestContext : null;
  const { extraArguments } = commandSettingsFor(context.store.state(), settings, wish, port);
  const asked = optionsInArguments(extraArguments).maxModelLen ?? wish.options.maxModelLen ?? null;
  if (longest !== null && asked !== null && asked > longest) {
    add(
      'max_model_len_over_derived',
      `A context of ${formatCount(asked)} tokens is longer than the model's own ${formatCount(longest)}.`,
    );
  }
  const owner = servers.find((server) => server.port === port && server.phase !== 'ended');
  if (wish.port !== null && (owner || !(await context.net.isPortFree(port)))) {
    add('port_in_use', `Port ${String(port)} is taken${owner ? ` by ${owner.title}` : ''}.`);
  }
  if (isOpenToNetwork(answer.command.args) && keyInArguments(answer.command.args) === '')
    add(
      'api_key_empty',
      'With an empty --api-key vLLM answers everybody: leave it out, and a key is made.',
    );
  if (isOpenToNetwork(answer.command.args))
    add(
      OPEN_TO_NETWORK,
      'Other machines will be able to reach it, and with its API key to use it. Where none is given, one is made: Copy API Key shows it once it is ready.',
    );
  problems.push(...checkArguments(answer.command.args.slice(2), answer.engineVersion));
  if (answer.verdict === 'doesNotFit') {
    const why = reasonOf(answer) || 'see the planner';
    const facts = reading.ok ? reading.value.facts : { name: wish.model };
    if (fitsOnWhatIsKept(context.store.state(), settings, wish, facts)) {
      const text = `It takes memory that is kept for Ollama: ${why}`;
      problems.push({ id: DOES_NOT_FIT, text, blocking: true, takesOllamas: true });
    } else add(DOES_NOT_FIT, `The plan does not fit: ${why}`);
  }
  const same = servers.find((one) => one.phase === 'starting' && isSameWish(one.wish, wish));
  if (same)
    add('launch_in_progress', `${same.title} is starting already, with these very settings.`);
  return problems;
}

/** The server as it is listed, while it waits for its turn and when it starts; its keys go elsewhere (`requests/apiKeys.ts`). */
export function serverFor(
  context: AppContext,
  id: string,
  prepared: Prepared,
  /** Our own CLI as a server, where nothing real is to be started. */
  simulated: Command | null,
): Server {
  const { answer, port } = prepared;
  const wish = wishWithoutKeys(prepared.wish);
  const { gpu, engines } = context.store.state();
  const command = commandWithoutKeys(
    simulated
      ? {
          file: simulated.file,
          args: [...simulated.args, ...answer.command.args],
          env: { ...answer.command.env, ...simulated.env },
        }
      : answer.command,
  );
  return {
    ...newServer({
      id,
      title: titleOf(wish),
      wish,
      command,
      host: reachableHost(answer.command.args),
      port,
      servedModelName: valueOfFlag(command.args, 'served-model-name') ?? wish.model,
      startedAtMs: context.clock.now(),
      simulated: simulated !== null,
    }),
    engineVersion: engines[wish.engine].version,
    gpus: launchGpus(answer, gpu.sample?.gpus ?? []),
    plannedBytesPerGpu: answer.perGpu.map((one) => one.budgetBytes ?? 0),
    conditions: conditionsOf(context, prepared),
  };
}

/** Into the list; in its own place where it has waited there. */
export function enlist(context: AppContext, server: Server): void {
  const { store } = context;
  const known = store.state().servers.find(({ id }) => id === server.id);
  if (!known) {
    store.dispatch({ type: 'serverAdded', server });
    return;
  }
  // how it lives is moved by events alone: it may have been asked to stop meanwhile
  const { phase, endReason, stopRequested } = known;
  const change = { ...server, phase, endReason, stopRequested };
  store.dispatch({ type: 'serverChanged', id: server.id, change });
}

/** Starts it. Resolves when the process runs or could not be started. */
export async function launch(context: AppContext, server: Server): Promise<DeployResult> {
  const { store, launcher, registry, log } = context;
  const { id, wish, port } = server;
  enlist(context, server);
  log.info('deploy', 'starting', { id, engine: wish.engine, port });
  // before there is a process: a window that dies now leaves its mark on one that its successor looks for
  await registry.save(server);
  if (store.state().servers.find((one) => one.id === id)?.phase !== 'starting') {
    const failure: Failure = { reason: 'cancelled', detail: 'It was stopped before it started.' };
    await failStart(context, id, failure);
    return { ok: false, failure, problems: [] };
  }
  const started = await launcher.start(
    launchSpecOf(server, await context.apiKeys.handOver(server)),
  );
  if (!started.ok) {
    await failStart(context, id, started.failure);
    return { ok: false, failure: started.failure, problems: [] };
  }
  await remember(context, id, started.value.pid);
  return { ok: true, id };
}

/** What was listed never became a process. */
export async function failStart(context: AppContext, id: string, failure: Failure): Promise<void> {
  const { store, clock, registry, log } = context;
  const server = store.state().servers.find((one) => one.id === id);
  if (!server || server.phase === 'ended') return;
  log.warn('deploy', 'did not start', { id, why: failure.reason });
  store.dispatch({
    type: 'serverLived',
    id,
    event: { type: 'processEnded', result: 'failed' },
    change: {
      queued: null,
      endedAtMs: clock.now(),
      diagnosis: notStarted(server.wish, failure),
    },
  });
  const ended = store.state().servers.find((one) => one.id === id);
  await registry.remove(id, fateOf(ended ?? server, clock.now()));
}

/** @param command with its keys, which are for the process alone and kept nowhere with the launch */
export function launchSpecOf(
  server: Server,
  command: Pick<LaunchSpec, 'args' | 'env'> = server.command,
): LaunchSpec {
  return {
    launchId: server.id,
    title: server.title,
    file: server.command.file,
    args: command.args,
    env: { ...command.env, [LAUNCH_MARK]: server.id },
    cwd: null,
  };
}

/** Records who runs: everything later found and signalled is judged against this. */
async function remember(context: AppContext, id: string, pid: number): Promise<void> {
  const { store, table, registry, log } = context;
  const main = await table.one(pid);
  const server = store.state().servers.find((one) => one.id === id);
  if (!main || !server) {
    log.warn('deploy', 'process gone before it could be recorded', { id, pid });
    return;
  }
  if (server.phase === 'ended') return;
  const record = recordOf(server, main);
  store.dispatch({ type: 'serverChanged', id, change: { record } });
  await registry.save({ ...server, record });
}

function titleOf(wish: Wish): string {
  const name = wish.model.split(/[/\\]/).findLast((part) => part !== '') ?? wish.model;
  return `${engineNames[wish.engine]}: ${name}`;
}

function notStarted(wish: Wish, failure: Failure): Server['diagnosis'] {
  return {
    engine: wish.engine,
    engineVersion: null,
    stage: 'starting',
    result: 'failed',
    cause: { id: 'not_started', title: failure.detail, evidence: [] },
    remedy: null,
    facts: noFacts,
  };
}

/** A second click, not a second wish. */
function isSameWish(a: Wish, b: Wish): boolean {
  return JSON.stringify(a) === JSON.stringify(wishWithoutKeys(b));
}
