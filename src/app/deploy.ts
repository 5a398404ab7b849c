/**
 * From a wish to a running process: read the model, plan, look for what would go wrong, choose a port, start in a
 * terminal, remember it. Watching is `observer.ts`, stopping `stopping.ts`.
 */
import { checkArguments } from '../engines/vllm/arguments';
import type { PreflightProblem } from '../engines/engine';
import { noFacts } from '../engines/startFacts';
import { fail, ok, type Failure, type Result } from '../shared/failure';
import type { Command, PlanAnswer } from '../shared/planAnswer';
import { LAUNCH_MARK } from '../processes/process';
import { formatCount } from '../shared/units';
import type { Wish } from '../shared/wish';
import type { AppContext } from './appContext';
import type { ModelReading } from './modelReading';
import type { ModelService } from './modelService';
import type { LaunchSpec } from './ports';
import { answerWish } from './planService';
import { newServer } from './registry';
import type { Server } from './state';

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

export async function prepareVllm(
  context: AppContext,
  models: ModelService,
  wish: Wish,
): Promise<Result<Prepared>> {
  if (wish.model === '') return fail('invalid', 'Choose a model first.');
  const { store, clock } = context;
  const settings = context.settings();
  const reading = await models.read('vllm', wish.model);
  const port = wish.port ?? (await context.portChooser.take());
  // figures older than this would make the start check a guess
  if (clock.now() - (store.state().gpu.sampledAtMs ?? 0) > 5_000) await context.lookAtGpus();
  const facts = reading.ok ? reading.value.facts : { name: wish.model };
  const answer = answerWish(store.state(), settings, wish, facts, port);
  const problems = await preflight(context, wish, answer, reading, port);
  return ok({ wish, answer, port, reading: reading.ok ? reading.value : null, problems });
}

async function preflight(
  context: AppContext,
  wish: Wish,
  answer: PlanAnswer,
  reading: Result<ModelReading>,
  port: number,
): Promise<PreflightProblem[]> {
  const { engines, servers } = context.store.state();
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
  const asked = wish.options.maxModelLen ?? null;
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
  problems.push(...checkArguments(answer.command.args.slice(2), answer.engineVersion));
  if (answer.verdict === 'doesNotFit') {
    add('does_not_fit', `The plan does not fit: ${answer.steps.at(-1) ?? 'see the planner'}`);
  }
  const starting = servers.find((server) => server.phase === 'starting');
  if (starting && settings['launch.oneAtATime']) {
    add(
      'launch_in_progress',
      `${starting.title} is still starting, and vLLM counts what grows on the GPU meanwhile as its own.`,
    );
  }
  return problems;
}

/** Starts what was prepared. Resolves when the process runs or could not be started. */
export async function launch(
  context: AppContext,
  prepared: Prepared,
  simulated: Command | null,
): Promise<DeployResult> {
  const { wish, answer, port } = prepared;
  const { store, launcher, clock, log } = context;
  const id = context.newId();
  const command = simulated
    ? {
        file: simulated.file,
        args: [...simulated.args, ...answer.command.args],
        env: { ...answer.command.env, ...simulated.env },
      }
    : answer.command;
  const server: Server = {
    ...newServer({
      id,
      title: titleOf(wish),
      wish,
      command,
      host: '127.0.0.1',
      port,
      servedModelName: valueOfFlag(command.args, 'served-model-name') ?? wish.model,
      startedAtMs: clock.now(),
      simulated: simulated !== null,
    }),
    engineVersion: store.state().engines[wish.engine].version,
    plannedBytesPerGpu: answer.perGpu.map((gpu) => gpu.budgetBytes ?? 0),
  };
  store.dispatch({ type: 'serverAdded', server });
  log.info('deploy', 'starting', { id, engine: wish.engine, port });
  const started = await launcher.start(launchSpecOf(server));
  if (!started.ok) {
    log.warn('deploy', 'did not start', { id, why: started.failure.reason });
    store.dispatch({
      type: 'serverLived',
      id,
      event: { type: 'processEnded', result: 'failed' },
      change: { endedAtMs: clock.now(), diagnosis: notStarted(wish, started.failure) },
    });
    return { ok: false, failure: started.failure, problems: [] };
  }
  await remember(context, id, started.value.pid);
  return { ok: true, id };
}

export function launchSpecOf(server: Server): LaunchSpec {
  return {
    launchId: server.id,
    title: server.title,
    file: server.command.file,
    args: server.command.args,
    env: { ...server.command.env, [LAUNCH_MARK]: server.id },
    cwd: null,
  };
}

/** Records who runs: everything later found and signalled is judged against this. */
export async function remember(context: AppContext, id: string, pid: number): Promise<void> {
  const { store, table, registry, log } = context;
  const main = await table.one(pid);
  const server = store.state().servers.find((one) => one.id === id);
  if (!main || !server) {
    log.warn('deploy', 'process gone before it could be recorded', { id, pid });
    return;
  }
  const identity = { pid: main.pid, startTime: main.startTime, bootId: main.bootId };
  const record = {
    launchId: id,
    engine: server.wish.engine,
    main: identity,
    pgid: main.pgid,
    sid: main.sid,
    port: server.port,
    seen: [identity],
  };
  store.dispatch({ type: 'serverChanged', id, change: { record } });
  await registry.save({ ...server, record });
}

export function titleOf(wish: Wish): string {
  const name = wish.model.split(/[/\\]/).findLast((part) => part !== '') ?? wish.model;
  return `${wish.engine === 'vllm' ? 'vLLM' : 'Ollama'}: ${name}`;
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

/** The last one counts, as in vLLM's own parser, which takes `_` for `-` and `--flag=value` too. */
function valueOfFlag(args: readonly string[], name: string): string | null {
  const flags = args.map((argument) => (argument.split('=')[0] ?? '').replaceAll('_', '-'));
  const at = flags.lastIndexOf(`--${name}`);
  const given = args[at];
  if (given === undefined) return null;
  const equals = given.indexOf('=');
  return equals >= 0 ? given.slice(equals + 1) : (args[at + 1] ?? null);
}
