/** All suites of a window share its list of servers, its card and its gauge: what one leaves there, another sees. */
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../src/vscode/api';

/** Ends every server that still runs, all at once, and empties the list. */
export async function removeServers(api: VramPilotApi): Promise<void> {
  const { servers } = api.getState();
  const running = servers.filter(({ phase }) => phase !== 'ended');
  await Promise.all(running.map(({ id }) => api.stop(id, { force: true })));
  for (const { id } of servers) await vscode.commands.executeCommand('vramPilot.removeServer', id);
}
