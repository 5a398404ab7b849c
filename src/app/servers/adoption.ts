/**
 * Servers on this machine that somebody else started: found by their processes, believed only when they answer as
 * what they look like, and then watched like our own. What they don't tell stays unknown.
 */
import { addressOf, daemonUrl } from '../../engines/ollama/address';
import { isSameTag } from '../../engines/ollama/api';
import { launchFamily } from '../../processes/family';
import type { ProcessInfo } from '../../processes/process';
import { commandForShowing, redactArguments } from '../../processes/redact';
import { roleOf } from '../../processes/role';
import {
  ancestorsOf,
  descendantsOf,
  indexTable,
  isAlive,
  isSame,
  type ProcessIndex,
} from '../../processes/tree';
import { engineNames } from '../../shared/engineNames';
import { fail, ok, type Result } from '../../shared/failure';
import type { EngineId } from '../../shared/planRequest';
import type { AppContext } from '../appContext';
import { recordOf } from './launchRecord';
import { newServer } from '../launching/newServer';
import type { Observer } from './observer';
import { probeOllama, probeVllm } from './probe';
import { liveServers, type Server } from '../state';

/** vLLM's processes listen for each other, too; more than a few ports are never looked at. */
const MAX_PORTS = 8;
const LOOPBACK = '127.0.0.1';

/** Everything that could be found out; unknown is null. */
export interface Candidate {
  readonly engine: EngineId;
  /** null: a model in a daemon that needs no process of its own to be watched. */
  readonly main: ProcessInfo | null;
  readonly host: string;
  readonly port: number | null;
  /** Name that clients use. */
  readonly model: string | null;
  readonly root: string | null;
  readonly maxModelLen: number | null;
  readonly version: string | null;
  /** Redacted. */
  readonly command: string | null;
  /** Why it can't be adopted; null: it can. */
  readonly problem: string | null;
}

export async function findCandidates(context: AppContext): Promise<readonly Candidate[]> {
  const { table, store } = context;
  const index = indexTable(await table.all());
  const { uid } = await table.self();
  const known = liveServers(store.state());
  const found: Candidate[] = [];
  for (const main of serverProcesses(index, 'vllmServer')) {
    const isKnown = known.some(
      ({ record }) => record && launchFamily(record, index).all.some((one) => isSame(one, main)),
    );
    if (!isKnown) found.push(await lookAtVllm(context, index, main, uid));
  }
  for (const candidate of await lookAtOllama(context, index, uid))
    if (!known.some((server) => isSameModel(server, candidate))) found.push(candidate);
  return found;
}

/** Looks once more, then lists it for every window. Resolves with its id. */
export async function adopt(
  context: AppContext,
  observer: Observer,
  wanted: Candidate,
): Promise<Result<string>> {
  const { store, clock, registry, table, log } = context;
  const again = (await findCandidates(context)).find(
    (one) =>
      one.engine === wanted.engine &&
      one.port === wanted.port &&
      one.model === wanted.model &&
      (one.main === wanted.main ||
        (one.main !== null && wanted.main !== null && isSame(one.main, wanted.main))),
  );
  if (!again) return fail('notFound', 'It is gone, or it is in the list already.');
  if (again.problem !== null) return fail('refused', again.problem);
  const { engine, main, host, port, version } = again;
  if (port === null) return fail('notFound', 'Its port is not known.');
  const id = context.newId();
  const model = again.root ?? again.model ?? 'unknown';
  const [file = engine, ...args] = redactArguments(main?.args ?? []);
  const adopted: Server = {
    ...newServer({
      id,
      title: `${engineNames[engine]}: ${(again.model ?? model).split('/').at(-1) ?? model}`,
      wish: { engine, model, options: optionsOf(again), extraArguments: [], port },
      command: { file, args: [...args], env: {} },
      host,
      port,
      servedModelName: again.model ?? '',
      startedAtMs: main?.startedAtMs ?? clock.now(),
      simulated: false,
    }),
    origin: 'adopted',
    launch: main ? 'process' : 'request',
    phase: 'ready',
    stage: 'ready',
    readyAtMs: clock.now(),
    engineVersion: version,
  };
  const index = main && indexTable(await table.all());
  const server: Server = main
    ? {
        ...adopted,
        record: recordOf(adopted, main, launchFamily(recordOf(adopted, main), index ?? []).all),
      }
    : adopted;
  store.dispatch({ type: 'serverAdded', server });
  log.info('adoption', 'adopted', { id, engine, port, pid: main?.pid });
  await registry.save(server);
  observer.watch(id);
  void context.lookAtGpus();
  return ok(id);
}

function optionsOf({ engine, maxModelLen }: Candidate): Server['wish']['options'] {
  if (maxModelLen === null) return {};
  return engine === 'vllm' ? { maxModelLen } : { numCtx: maxModelLen };
}

/** The front ones: of several API servers of one launch the one that started the others. */
function serverProcesses(
  index: ProcessIndex,
  role: 'vllmServer' | 'ollamaServer',
): readonly ProcessInfo[] {
  return index.all.filter(
    (process) =>
      isAlive(process) &&
      roleOf(process) === role &&
      !ancestorsOf(index, process).some((above) => roleOf(above) === role),
  );
}

async function lookAtVllm(
  { table, http }: AppContext,
  index: ProcessIndex,
  main: ProcessInfo,
  uid: number | null,
): Promise<Candidate> {
  const unknown: Candidate = {
    engine: 'vllm',
    main,
    host: LOOPBACK,
    port: portArgument(main.args),
    model: modelArgument(main.args),
    root: null,
    maxModelLen: null,
    version: null,
    command: commandForShowing(main.args, main.comm),
    problem: null,
  };
  if (!main.sameNamespace)
    return { ...unknown, problem: 'It runs in a container or another namespace.' };
  if (uid !== null && main.uid !== uid)
    return { ...unknown, problem: `It belongs to ${main.user ?? 'another user'}.` };
  const family = [main, ...descendantsOf(index, main)];
  const ports = new Set<number>();
  for (const { pid } of family) for (const port of await table.listeningPorts(pid)) ports.add(port);
  if (ports.size === 0)
    return { ...unknown, problem: 'It does not listen yet; it may be starting.' };
  const given = portArgument(main.args) ?? 8000;
  const inOrder = [...ports].sort((a, b) => Number(b === given) - Number(a === given) || a - b);
  let problem = '';
  for (const port of inOrder.slice(0, MAX_PORTS)) {
    const answer = await probeVllm(http, `http://${LOOPBACK}:${String(port)}`);
    if (!answer.ok) {
      problem ||= `Port ${String(port)}: ${answer.failure.detail}`;
      continue;
    }
    const [model] = answer.value.models ?? [];
    return {
      ...unknown,
      port,
      model: model?.name ?? unknown.model,
      root: model?.root ?? null,
      maxModelLen: model?.maxModelLen ?? null,
      version: answer.value.version,
    };
  }
  return { ...unknown, problem };
}

/** Each model that a daemon has loaded: at the configured address, and wherever one of ours listens. */
async function lookAtOllama(
  { table, http, settings }: AppContext,
  index: ProcessIndex,
  uid: number | null,
): Promise<readonly Candidate[]> {
  const configured = addressOf(daemonUrl(settings()['ollama.host']));
  const addresses = new Map([[configured.port, configured.host]]);
  for (const main of serverProcesses(index, 'ollamaServer')) {
    if (main.uid !== uid || !main.sameNamespace) continue;
    for (const port of await table.listeningPorts(main.pid))
      if (!addresses.has(port)) addresses.set(port, LOOPBACK);
  }
  const found: Candidate[] = [];
  for (const [port, host] of addresses) {
    const answer = await probeOllama(http, `http://${host}:${String(port)}`);
    if (!answer.ok) continue;
    for (const { name, maxModelLen } of answer.value.models ?? [])
      found.push({
        engine: 'ollama',
        main: null,
        host,
        port,
        model: name,
        root: null,
        maxModelLen,
        version: answer.value.version,
        command: null,
        problem: null,
      });
  }
  return found;
}

function isSameModel(server: Server, { engine, port, model }: Candidate): boolean {
  return (
    server.wish.engine === engine &&
    server.port === port &&
    isSameTag(server.wish.model, model ?? '')
  );
}

function portArgument(args: readonly string[]): number | null {
  const at = args.lastIndexOf('--port');
  const text = at >= 0 ? args[at + 1] : args.findLast((one) => one.startsWith('--port='))?.slice(7);
  const port = Number(text);
  return text !== undefined && Number.isInteger(port) && port > 0 && port < 65536 ? port : null;
}

/** As given on its command line; null where it stands in a file or is the default. */
function modelArgument(args: readonly string[]): string | null {
  for (const name of ['--served-model-name', '--model', 'serve']) {
    const next = args[args.lastIndexOf(name) + 1];
    if (args.includes(name) && next !== undefined && !next.startsWith('-')) return next;
  }
  return null;
}
