/** `Start All Profiles…`: the saved servers of this workspace, one after another. */
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { App } from '../../app/app';
import type { StartAllOutcome } from '../../app/launching/startAll';
import type { Profile } from '../../app/state';

const argumentSchema = z.object({ profiles: z.array(z.string()) });

/** `argument`: `{ profiles: [name, …] }`, else the user chooses where there is a choice. */
export async function startAllProfiles(
  app: App,
  argument: unknown,
): Promise<StartAllOutcome | null> {
  const saved = app.store.state().profiles;
  if (saved.length === 0) {
    void vscode.window.showInformationMessage('No launch is saved as a profile yet.');
    return null;
  }
  const given = z.safeParse(argumentSchema, argument);
  const chosen = given.success
    ? saved.filter(({ name }) => given.data.profiles.includes(name))
    : await chooseProfiles(saved);
  if (!chosen || chosen.length === 0) return null;
  const outcome = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: 'Starting servers',
      cancellable: true,
    },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return app.startAll(chosen, {
        signal: abort.signal,
        onNext: (name, at) =>
          progress.report({
            message: `${name} (${String(at + 1)} of ${String(chosen.length)})`,
            increment: at === 0 ? 0 : 100 / chosen.length,
          }),
      });
    },
  );
  void say(outcome);
  return outcome;
}

async function chooseProfiles(saved: readonly Profile[]): Promise<readonly Profile[] | undefined> {
  if (saved.length === 1) return saved;
  const items = saved.map((profile) => ({
    label: profile.name,
    description: profile.wish.model,
    picked: true,
    profile,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: 'Start in this order, each when the one before is ready',
    canPickMany: true,
  });
  return picked?.map(({ profile }) => profile);
}

async function say({ ready, failed, notStarted }: StartAllOutcome): Promise<void> {
  const rest = notStarted.length === 0 ? '' : ` Not started: ${notStarted.join(', ')}.`;
  if (failed) {
    await vscode.window.showErrorMessage(`${failed.name} did not come up: ${failed.why}.${rest}`);
    return;
  }
  const up = ready.length === 0 ? 'Nothing was started.' : `Ready: ${ready.join(', ')}.`;
  await vscode.window.showInformationMessage(`${up}${rest}`);
}
