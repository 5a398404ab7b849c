/** All suites of a window share its list of servers, its card and its gauge: what one leaves there, another sees. */
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../src/vscode/api';

/** Ends every server that still runs, and empties the list. */
export async function removeServers(api: VramPilotApi): Promise<void> {
  for (const { id, phase } of api.getState().servers) {
    if (phase !== 'ended') await api.stop(id, { force: true });
    await vscode.commands.executeCommand('vramPilot.removeServer', id);
  }
}
