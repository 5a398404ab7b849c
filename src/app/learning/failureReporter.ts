/**
 * Says of each server that fails what can be done about it, and of each one that a failure had made small what step up
 * it could take. Both are kept in the state, computed once, and computed anew when somebody wants to launch them.
 */
import * as z from 'zod/mini';
import type { Outcome } from '../../engines/diagnose';
import { isOpenToNetwork } from '../../engines/vllm/listening';
import { outcomeSchema } from '../../learning/learnedRecord';
import { isAttempt, isSameOutcome } from '../../learning/triedBefore';
import { isSame } from '../../processes/tree';
import type { ModelRequest } from '../../shared/planRequest';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import { DOES_NOT_FIT, OPEN_TO_NETWORK, type DeployResult } from '../launching/deploy';
import { reportOf, startOutcome, stepUpOf, type FailureReport } from './failureReport';
import { learnedFor } from '../planning/learnedFor';
import type { ModelService } from '../models/modelService';
import type { OfferedLaunch } from './offeredLaunch';
import { ownIdentity } from '../owner';
import { plannableGpus } from '../planning/plannableGpus';
import type { Servers } from '../servers/servers';
import { waitForMemory } from '../servers/stopping';
import type { Server } from '../state';

/** Starts of this window, remembered beyond what is learned: also those that failed with the same settings again. */
const MAX_STARTS = 50;

export interface FailureReporter {
  /** Launched from this window. */
  readonly isOwn: (server: Server) => Promise<boolean>;
  /** Reports from now on. Returns the way out. */
  follow(): () => void;
  /** Says anew what can be done, after the settings have changed. */
  lookAgain(): Promise<void>;
  /** The corrected launch of a failed server, or the step up of a ready one, by the facts of this moment. */
  readonly offer: (id: string) => Promise<Result<OfferedLaunch>>;
  /**
   * Starts what was offered; a step up stops its server first. Refused with problems where something speaks against it
   * that the offer did not know, unless forced.
   */
  readonly start: (
    id: string,
    offer: OfferedLaunch,
    options: { force: boolean },
  ) => Promise<DeployResult>;
}

export function createFailureReporter(
  context: AppContext,
  models: Pick<ModelService, 'read'>,
  servers: () => Pick<Servers, 'deploy' | 'stop' | 'remove'>,
  /** Its output came to this window. */
  isHeard: (id: string) => boolean,
): FailureReporter {
  const { store, settings, log } = context;
  let starts: Outcome[] = [];
  let isOver = false;

  const serverOf = (id: string) => store.state().servers.find((one) => one.id === id);

  async function factsOf({
    wish,
  }: Server): Promise<{ facts: ModelRequest; longest: number | null }> {
    const reading = await models.read(wish.engine, wish.model);
    return reading.ok
      ? { facts: reading.value.facts, longest: reading.value.longestContext }
      : { facts: { name: wish.model }, longest: null };
  }

  /** What is learned lags behind, and keeps one of several starts that were alike. */
  function outcomesFor(server: Server, facts: ModelRequest): Outcome[] {
    const state = store.state();
    const [gpu] = plannableGpus(state.gpu.sample?.gpus ?? []);
    const learned = learnedFor(state, settings(), { ...server.wish, facts, gpu }).flatMap((one) => {
      const outcome = z.safeParse(outcomeSchema, one);
      return outcome.success ? [outcome.data] : [];
    });
    const isOfThisWindow = (one: Outcome) => starts.some((start) => isSameOutcome(start, one));
    return [...learned.filter((one) => !isOfThisWindow(one)), ...starts];
  }

  function remember(server: Server, facts: ModelRequest): void {
    const outcome = startOutcome(server, facts);
    if (outcome.result === 'failed' && !isAttempt(outcome)) return;
    starts = [...starts, outcome].slice(-MAX_STARTS);
  }

  async function isOwn(server: Server): Promise<boolean> {
    if (isHeard(server.id)) return true;
    const self = server.owner ? await ownIdentity(context.table) : null;
    return self !== null && server.owner !== null && isSame(self, server.owner);
  }

  async function reportFailure(failed: Server): Promise<FailureReport> {
    // what it held is free for the next one, a little later
    if (failed.record) await waitForMemory(context, failed.record);
    const { facts } = await factsOf(failed);
    const server = serverOf(failed.id) ?? failed;
    const inputs = { state: store.state(), settings: settings(), facts };
    const outcomes = outcomesFor(server, facts);
    return { ...reportOf(server, { ...inputs, outcomes }), isOwn: await isOwn(server) };
  }

  async function stepUp(server: Server): Promise<OfferedLaunch | null> {
    const { facts, longest } = await factsOf(server);
    const inputs = { state: store.state(), settings: settings(), facts };
    return stepUpOf(server, { ...inputs, outcomes: outcomesFor(server, facts) }, longest);
  }

  async function lookAtFailure(server: Server): Promise<void> {
    remember(server, (await factsOf(server)).facts);
    const failure = await reportFailure(server);
    if (isOver || serverOf(server.id)?.phase !== 'ended') return;
    log.info(
      'failure',
      failure.correction ? 'a corrected launch is offered' : 'nothing is offered',
      {
        id: server.id,
        source: failure.correction?.source,
        diff: failure.correction?.diff.join(', '),
      },
    );
    store.dispatch({ type: 'serverChanged', id: server.id, change: { failure } });
  }

  async function lookForStepUp(server: Server): Promise<void> {
    const offered = await stepUp(server);
    const now = serverOf(server.id);
    if (isOver || now?.phase !== 'ready') return;
    if (JSON.stringify(now.stepUp) === JSON.stringify(offered)) return;
    store.dispatch({ type: 'serverChanged', id: server.id, change: { stepUp: offered } });
  }

  async function becameReady(server: Server): Promise<void> {
    remember(server, (await factsOf(server)).facts);
    await lookForStepUp(server);
  }

  return {
    isOwn,
    follow() {
      let before = new Map(store.state().servers.map((server) => [server.id, server]));
      const unwatchServers = store.watch(
        (state) => state.servers,
        (now) => {
          const known = before;
          before = new Map(now.map((server) => [server.id, server]));
          for (const server of now) {
            const was = known.get(server.id);
            if (hasFailed(was, server)) void lookAtFailure(server);
            else if (server.phase === 'ready' && was?.phase !== 'ready') void becameReady(server);
          }
        },
      );
      const unwatchLearned = store.watch(
        (state) => state.learned.entries,
        () => {
          for (const server of store.state().servers)
            if (server.phase === 'ready') void lookForStepUp(server);
        },
      );
      return () => {
        isOver = true;
        unwatchServers();
        unwatchLearned();
      };
    },
    async lookAgain() {
      for (const server of store.state().servers) {
        if (server.phase === 'ready') await lookForStepUp(server);
        if (!server.failure) continue;
        const failure = await reportFailure(server);
        if (!isOver && JSON.stringify(serverOf(server.id)?.failure) !== JSON.stringify(failure))
          store.dispatch({ type: 'serverChanged', id: server.id, change: { failure } });
      }
    },
    async offer(id) {
      const server = serverOf(id);
      if (server?.phase === 'ready') {
        const offered = await stepUp(server);
        return offered ? ok(offered) : fail('notFound', 'There is no step up that is safe to try.');
      }
      if (server?.phase !== 'ended' || server.endReason === 'stopped')
        return fail('notFound', 'It has not failed.');
      await context.lookAtGpus();
      const failure = await reportFailure(server);
      if (serverOf(id)) store.dispatch({ type: 'serverChanged', id, change: { failure } });
      return failure.correction
        ? ok(failure.correction)
        : fail('notFound', failure.reason ?? 'No setting is known that helps here.');
    },
    async start(id, offer, { force }) {
      const server = serverOf(id);
      const apiKeys = server ? await context.apiKeys.allOf(server) : [];
      if (server?.phase === 'ready') {
        const stopped = await servers().stop(id, { force: false });
        if (!stopped.ok) return { ...stopped, problems: [] };
      }
      const accepted = [
        // by the engine's own figures it starts; that the plan sees it otherwise is part of the offer
        ...(offer.verdict === 'doesNotFit' ? [DOES_NOT_FIT] : []),
        // the one that it takes the place of was as open
        ...(server && isOpenToNetwork(server.command.args) ? [OPEN_TO_NETWORK] : []),
      ];
      const started = await servers().deploy(offer.wish, { force, accepted, apiKeys });
      if (started.ok) await servers().remove(id);
      return started;
    },
  };
}

function hasFailed(before: Server | undefined, { phase, endReason }: Server): boolean {
  if (before === undefined || before.phase === 'ended' || phase !== 'ended') return false;
  return endReason === 'failed' || endReason === 'crashed';
}
