/** `Get vLLM or Ollama…`: what to run and what to read; installing stays the user's own act. */
import * as vscode from 'vscode';
import { waysToInstall, type InstallWay } from '../../app/launching/engineInstall';
import type { App } from '../../app/app';
import { engineNames } from '../../shared/engineNames';
import { COMMANDS } from '../contributions';
import { openSetting } from '../openSetting';

type Item = vscode.QuickPickItem & { readonly act?: () => unknown };

export async function getEngine(app: App): Promise<void> {
  const { gpu } = app.store.state();
  const ways = waysToInstall(await app.system(), gpu.sample?.gpus[0]?.vendor);
  const items = (['vllm', 'ollama'] as const).flatMap((engine): Item[] => [
    { label: engineNames[engine], kind: vscode.QuickPickItemKind.Separator },
    ...ways.filter((way) => way.engine === engine).map(itemOf),
    {
      label: `$(settings-gear) It is installed: set the path of ${engineNames[engine]}`,
      act: () => openSetting(`vramPilot.${engine}.executablePath`),
    },
  ]);
  const chosen = await vscode.window.showQuickPick(items, {
    title: 'Get vLLM or Ollama',
    placeHolder: 'Nothing is installed from here: copy a command, or read how',
  });
  await chosen?.act?.();
}

function itemOf({ label, detail, command, page }: InstallWay): Item {
  return command === null
    ? {
        label: `$(link-external) ${label}`,
        description: detail,
        act: () => vscode.env.openExternal(vscode.Uri.parse(page)),
      }
    : { label: `$(copy) ${label}`, description: detail, act: () => copy(command) };
}

async function copy(command: string): Promise<void> {
  await vscode.env.clipboard.writeText(command);
  const again = 'Look Again';
  const chosen = await vscode.window.showInformationMessage(
    `Copied: ${command}. Run it in a terminal, then look again.`,
    again,
  );
  if (chosen === again) await vscode.commands.executeCommand(COMMANDS.refresh);
}
