/** The launch that is offered in place of a failed one, or one step up of a running one: shown, confirmed, started. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { OfferedLaunch } from '../../app/learning/offeredLaunch';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { confirmAnyway } from './deployCommand';
import { sayFailure } from '../messages';
import { serverIdOf } from '../trees/serversTree';

/** From the page, which shows the offer beside its button. */
const shownSchema = z.object({ serverId: z.string(), shown: z.literal(true) });

interface Kind {
  readonly title: string;
  readonly button: string;
  readonly nothing: string;
  readonly offers: (server: Server) => OfferedLaunch | null;
  /** Said before the diff. */
  readonly lead: (server: Server) => string;
}

const CORRECTED: Kind = {
  title: 'Start Corrected Launch',
  button: 'Start',
  nothing: 'There is no corrected launch to start.',
  offers: ({ failure }) => failure?.correction ?? null,
  lead: ({ title, diagnosis }) => `${title}: ${diagnosis?.cause?.title ?? 'it failed'}`,
};
const STEP_UP: Kind = {
  title: 'Try One Step Up',
  button: 'Stop and Start',
  nothing: 'No server runs with less than it could have.',
  offers: ({ stepUp }) => stepUp,
  lead: ({ title }) =>
    `${title} is stopped, and started one step up. If that fails, the way back is offered at once.`,
};

/** Resolves with the id of the new server, or null where nothing was started (which has then been said). */
export function startCorrected(app: App, argument: unknown): Promise<string | null> {
  return startOffered(app, argument, CORRECTED);
}

export function tryStepUp(app: App, argument: unknown): Promise<string | null> {
  return startOffered(app, argument, STEP_UP);
}

async function startOffered(app: App, argument: unknown, kind: Kind): Promise<string | null> {
  const shown = z.safeParse(shownSchema, argument);
  const id = shown.success ? shown.data.serverId : serverIdOf(argument);
  const { servers } = app.store.state();
  const server =
    id === null
      ? servers.findLast((one) => kind.offers(one) !== null)
      : servers.find((one) => one.id === id);
  if (!server) {
    void vscode.window.showInformationMessage(kind.nothing);
    return null;
  }
  app.markSeen(server.id);
  const offer = await app.offer(server.id);
  if (!offer.ok) {
    await sayFailure(kind.title, { ...offer.failure, reason: 'invalid' });
    return null;
  }
  // what the page showed may have changed since
  const isKnown = shown.success && isSame(kind.offers(server), offer.value);
  if (!isKnown && !(await confirm(kind, server, offer.value))) return null;
  return launch(app, server.id, offer.value, kind, false);
}

async function launch(
  app: App,
  id: string,
  offer: OfferedLaunch,
  kind: Kind,
  force: boolean,
): Promise<string | null> {
  const result = await app.startOffered(id, offer, { force });
  if (result.ok) return result.id;
  if (result.problems.length === 0) {
    await sayFailure(kind.title, result.failure);
    return null;
  }
  return (await confirmAnyway(result)) ? launch(app, id, offer, kind, true) : null;
}

async function confirm(kind: Kind, server: Server, offer: OfferedLaunch): Promise<boolean> {
  const detail = [offer.diff.join('\n'), offer.why, `${offer.plan}.`].join('\n\n');
  const chosen = await vscode.window.showInformationMessage(
    kind.lead(server),
    { modal: true, detail },
    kind.button,
  );
  return chosen === kind.button;
}

const isSame = (a: OfferedLaunch | null, b: OfferedLaunch): boolean =>
  JSON.stringify(a?.diff) === JSON.stringify(b.diff);
