/** What is done with the settings of a launch: those of a server, of a saved launch, or of the planner at this moment. */
import * as vscode from 'vscode';
import type { App } from '../../app/app';
import { namesKey } from '../../app/requests/apiKeys';
import type { Profile } from '../../app/state';
import type { Wish } from '../../shared/wish';
import { COMMANDS } from '../contributions';
import { copyText } from '../copyText';
import { showReport } from '../documents/reportDocuments';
import { sayFailure } from '../messages';
import type { PlannerPanel } from '../plannerPanel';
import { serverIdOf } from '../trees/serversTree';
import { pickModel } from './modelPicker';

export async function openPlanner(app: App, panel: PlannerPanel, argument: unknown): Promise<void> {
  const profile = profileOf(app, argument);
  if (profile) app.setWish(profile.wish, 'host');
  if (argument === 'chooseModel') {
    const chosen = await pickModel(app);
    if (!chosen) return;
    app.setWish(await app.defaultWish(chosen.engine, chosen.model), 'host');
  }
  panel.show();
}

export async function copyLaunchCommand(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const server = app.store.state().servers.find((one) => one.id === id);
  if (!server && lacksModel(app.store.state().wish)) return;
  await copyText(server ? app.commandText(server.command) : await app.wishedCommandText());
}

export async function saveProfile(app: App, argument: unknown): Promise<void> {
  const id = serverIdOf(argument);
  const server = app.store.state().servers.find((one) => one.id === id);
  const wish: Wish = server?.wish ?? app.store.state().wish;
  if (lacksModel(wish)) return;
  const { profiles } = app.store.state();
  const name = await vscode.window.showInputBox({
    title: 'Save as Profile',
    prompt: 'Name of this launch',
    value: wish.model.split(/[/\\]/).findLast((part) => part !== '') ?? '',
    validateInput: (text) => {
      if (text.trim() === '') return 'A name is needed.';
      const isTaken = profiles.some((profile) => profile.name === text.trim());
      const severity = vscode.InputBoxValidationSeverity.Info;
      return isTaken ? { message: 'Replaces the profile of this name.', severity } : undefined;
    },
  });
  if (name === undefined) return;
  const saved = await app.saveProfile({ name: name.trim(), wish });
  if (!saved.ok) await sayFailure('Save as Profile', saved.failure);
  else if (namesKey(wish))
    void vscode.window.showInformationMessage(
      'The API key is not part of the profile: Deploy makes one, which Copy API Key shows.',
    );
}

export async function showPlanReport(app: App): Promise<void> {
  if (!lacksModel(app.store.state().wish)) await showReport('plan.txt', await app.planReport());
}

/** What has no model yet is no plan: says so, and leads to where one is chosen. */
function lacksModel({ model }: Wish): boolean {
  if (model === '') void offerPlanner();
  return model === '';
}

async function offerPlanner(): Promise<void> {
  const open = 'Open Planner';
  const chosen = await vscode.window.showInformationMessage('Choose a model first.', open);
  if (chosen === open) await vscode.commands.executeCommand(COMMANDS.openPlanner);
}

/** At once, and with a way back. */
export async function deleteProfile(app: App, profile: Profile): Promise<void> {
  const undo = 'Undo';
  const { name } = profile;
  const at = app.store.state().profiles.findIndex((one) => one.name === name);
  const deleted = await app.deleteProfile(name);
  if (!deleted.ok) return sayFailure('Delete Profile', deleted.failure);
  const chosen = await vscode.window.showInformationMessage(`Profile “${name}” deleted.`, undo);
  if (chosen !== undo) return;
  const restored = await app.saveProfile(profile, at);
  if (!restored.ok) await sayFailure('Undo', restored.failure);
}

/** Runs `act` on the saved launch given. */
export function withProfile(
  app: App,
  argument: unknown,
  act: (profile: Profile) => unknown,
): unknown {
  const profile = profileOf(app, argument);
  if (profile) return act(profile);
  void vscode.window.showInformationMessage('Choose a saved launch in the Profiles view.');
  return null;
}

function profileOf(app: App, argument: unknown): Profile | undefined {
  const name = (argument as { name?: unknown } | undefined)?.name;
  return app.store.state().profiles.find((profile) => profile.name === name);
}
