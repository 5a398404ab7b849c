/** `Adopt Running Server…`, and the question before an adopted one is stopped. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { Candidate } from '../../app/servers/adoption';
import type { App } from '../../app/app';
import type { Server } from '../../app/state';
import { engineNames } from '../../shared/engineNames';
import { formatCount } from '../../shared/units';
import { sayFailure } from '../messages';

const argumentSchema = z.object({ pid: z.number() });

/** `argument`: `{ pid }`, else the user chooses. Resolves with the server's id, or null. */
export async function adoptServer(app: App, argument: unknown): Promise<string | null> {
  const candidates = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Looking for servers…' },
    () => app.findCandidates(),
  );
  const given = z.safeParse(argumentSchema, argument);
  const candidate = given.success
    ? candidates.find(({ main }) => main?.pid === given.data.pid)
    : await choose(candidates);
  if (!candidate) {
    if (given.success)
      void vscode.window.showInformationMessage(
        `PID ${String(given.data.pid)} is no server that could be adopted.`,
      );
    return null;
  }
  const adopted =
    candidate.problem === null
      ? await app.adopt(candidate)
      : ({ ok: false, failure: { reason: 'refused', detail: candidate.problem } } as const);
  if (adopted.ok) return adopted.value;
  await sayFailure('Adopt', adopted.failure);
  return null;
}

async function choose(candidates: readonly Candidate[]): Promise<Candidate | undefined> {
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage('No other server runs on this machine.');
    return undefined;
  }
  const items = candidates.map((candidate) => ({
    label: `${candidate.problem === null ? '$(plug)' : '$(circle-slash)'} ${labelOf(candidate)}`,
    description: candidate.problem ?? factsOf(candidate),
    detail: candidate.command ?? 'its process is not needed to watch it',
    candidate,
  }));
  return (await vscode.window.showQuickPick(items, { title: 'Server to adopt' }))?.candidate;
}

function labelOf({ engine, model }: Candidate): string {
  return `${engineNames[engine]}: ${model ?? 'model unknown'}`;
}

/** What can't be known is named so, not left out. */
function factsOf({ port, version, maxModelLen, main }: Candidate): string {
  return [
    port === null ? 'port unknown' : `:${String(port)}`,
    version === null ? 'version unknown' : `version ${version}`,
    maxModelLen === null ? 'context unknown' : `context ${formatCount(maxModelLen)}`,
    main === null ? null : `PID ${String(main.pid)}`,
    main?.startedAtMs == null ? null : `since ${timeOf(main.startedAtMs)}`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

/** Somebody else may count on it. */
export async function confirmStopOfAdopted(server: Server): Promise<boolean> {
  const stop = 'Stop It';
  const { record, command, startedAtMs } = server;
  const detail = [
    record === null
      ? `Only ${server.servedModelName} is unloaded; the daemon runs on.`
      : `PID ${String(record.main.pid)}, started ${timeOf(startedAtMs)}`,
    record === null ? null : [command.file, ...command.args].join(' ').slice(0, 400),
  ].filter((line) => line !== null);
  const chosen = await vscode.window.showWarningMessage(
    `${server.title} was not started from here. Stop it all the same?`,
    { modal: true, detail: detail.join('\n') },
    stop,
  );
  return chosen === stop;
}

function timeOf(ms: number): string {
  return new Date(ms).toLocaleString();
}
