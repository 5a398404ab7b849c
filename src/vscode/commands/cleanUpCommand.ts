/** `Clean Up Zombie Processes…`: everything that holds GPU memory with its class; only true orphans can be chosen. */
import * as vscode from 'vscode';
import { familyOf } from '../../app/holders/holderFamily';
import { asSentence, HOLDER_NAMES, sentencesOf, startText } from '../../app/holders/holderNames';
import type { App } from '../../app/app';
import { shortCommand } from '../../app/holders/shortCommand';
import type { Holder } from '../../processes/process';
import { formatBytes } from '../../shared/units';

type Item = vscode.QuickPickItem & { readonly holder?: Holder };

/** With a row of the GPUs view: only that process. */
export async function cleanUp(app: App, argument?: unknown): Promise<void> {
  const wanted = holderOf(argument);
  const holders = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: 'Looking at GPU processes' },
    () => app.inspectHolders(),
  );
  if (wanted === null && holders.length === 0) {
    void vscode.window.showInformationMessage(
      ['Nothing holds GPU memory that could be seen here.', ...app.store.state().blindSpots].join(
        ' ',
      ),
    );
    return;
  }
  const chosen = wanted === null ? await pickOrphans(holders) : findAgain(wanted, holders);
  if (chosen.length === 0) return;
  const family = familyOf(chosen, holders);
  if (!(await confirm(family))) return;
  const result = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'Ending orphaned processes' },
    () => app.endHolders(family),
  );
  const freed =
    result.freedBytes === null
      ? 'how much came back is not known'
      : `${formatBytes(result.freedBytes)} came back`;
  const ended =
    `Ended ${String(result.ended.length)} of ${String(family.length)} processes; ${freed}` +
    `${result.shortfall === null ? '' : `: ${result.shortfall}`}.`;
  if (result.refused.length === 0) {
    void vscode.window.showInformationMessage(ended);
    return;
  }
  const why = result.refused
    .map(({ pid, why: reason }) => `PID ${String(pid)}: ${reason}`)
    .join('; ');
  void vscode.window.showWarningMessage(`${ended} ${why}`);
}

function holderOf(argument: unknown): Holder | null {
  return (argument as { holder?: Holder } | undefined)?.holder ?? null;
}

/** What the row showed, if it is still the same process and still left over. */
function findAgain(wanted: Holder, holders: readonly Holder[]): Holder[] {
  const now = holders.find(
    ({ pid, startTime }) => pid === wanted.pid && startTime === wanted.startTime,
  );
  if (now?.canEnd === true) return [now];
  void vscode.window.showInformationMessage(
    now
      ? `PID ${String(now.pid)} is left alone: ${now.reason}. ${now.remedy}`
      : `PID ${String(wanted.pid)} is gone.`,
  );
  return [];
}

async function pickOrphans(holders: readonly Holder[]): Promise<Holder[]> {
  const orphans = holders.filter((holder) => holder.canEnd);
  const others = holders.filter((holder) => !holder.canEnd);
  const separator = (label: string): Item => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const items: Item[] = [
    ...(orphans.length > 0 ? [separator('Left over: safe to end')] : []),
    ...orphans.map(itemOf),
    ...(others.length > 0 ? [separator('In use or not ours: shown only')] : []),
    ...others.map(itemOf),
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title: 'Clean Up Zombie Processes',
    placeHolder:
      orphans.length > 0
        ? 'Orphaned engine processes of yours are selected'
        : 'No orphaned engine process was found; nothing here can be ended',
    canPickMany: true,
    matchOnDetail: true,
  });
  const picked = (chosen ?? []).flatMap(({ holder }) => holder ?? []);
  const refused = picked.filter((holder) => !holder.canEnd);
  if (refused.length > 0) {
    const pids = refused.map(({ pid }) => String(pid)).join(', ');
    void vscode.window.showWarningMessage(`PID ${pids} is in use or not ours, and is left alone.`);
  }
  return picked.filter((holder) => holder.canEnd);
}

function itemOf(holder: Holder): Item {
  return {
    holder,
    picked: holder.canEnd,
    label: `${holder.canEnd ? '$(warning)' : '$(lock)'} ${shortCommand(holder.command)}`,
    description: [
      holdsText(holder),
      HOLDER_NAMES[holder.class],
      `PID ${String(holder.pid)} of ${holder.user ?? 'an unknown user'}`,
    ].join(' · '),
    // one line, cut at its end: what to do is the news about those that are not offered
    detail: (holder.canEnd ? sentencesOf(holder) : sentencesOf(holder).reverse()).join(' '),
  };
}

function holdsText({ usedBytes, gpus }: Holder): string {
  if (usedBytes !== null) return `holds ${formatBytes(usedBytes)}`;
  return gpus.length > 0 ? 'memory unknown' : 'no GPU memory listed';
}

async function confirm(chosen: readonly Holder[]): Promise<boolean> {
  const end = chosen.length === 1 ? 'End Process' : `End ${String(chosen.length)} Processes`;
  const rows = chosen.map((holder) =>
    [
      holder.command ?? 'Unknown command',
      asSentence(holdsText(holder)),
      asSentence(startText(holder)),
      ...sentencesOf({ ...holder, remedy: '' }),
    ].join('\n'),
  );
  const answer = await vscode.window.showWarningMessage(
    chosen.length === 1 ? 'End this orphaned process?' : 'End these orphaned processes?',
    { modal: true, detail: rows.join('\n\n') },
    end,
  );
  return answer === end;
}
