/** `clean`: who holds GPU memory, and, only with `--yes`, the end of leftovers. */
import type { Holder } from '../../processes/process';
import { formatBytes } from '../../shared/units';
import { endHolders, inspectHolders, type CleanerDeps } from '../cleaner';
import {
  isSet,
  refuse,
  textFlags,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
} from './command';
import { sampleGpus } from './sampleGpus';

/** There is no dialog between look and signal here, so a leftover has to look like one twice. */
const SECOND_LOOK_MS = 1500;

export const cleanCommand: CliCommand = {
  name: 'clean',
  summary: 'shows every holder of GPU memory; ends leftovers only with --yes',
  usage: ['clean [--dry-run] [--pid N]… [--yes] [--json]'],
  flags: {
    'dry-run': { type: 'boolean' },
    pid: { type: 'string', multiple: true },
    yes: { type: 'boolean', short: 'y' },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  if (input.positionals.length > 0)
    return refuse(`clean: found "${input.positionals.join(' ')}", expected flags only`);
  const pids: number[] = [];
  for (const word of textFlags(input, 'pid')) {
    if (!/^[1-9]\d{0,9}$/.test(word))
      return refuse(`--pid: found "${word}", expected a process number`);
    pids.push(Number(word));
  }
  const deps: CleanerDeps = {
    table: doors.table,
    clock: doors.clock,
    log: doors.log,
    files: doors.files,
    sampleGpus: () => sampleGpus(doors.exec),
    launches: () => [],
  };
  const holders = await inspectHolders(deps);
  const shown = pids.length === 0 ? holders : holders.filter(({ pid }) => pids.includes(pid));
  for (const pid of pids)
    if (!holders.some((holder) => holder.pid === pid))
      doors.tell(`PID ${String(pid)} holds no GPU memory and is no leftover.`);
  if (!isSet(input, 'yes') || isSet(input, 'dry-run'))
    return { exitCode: 0, json: { holders: shown }, text: holdersText(shown, null) };
  const wanted = shown.filter(({ canEnd }) => canEnd).map(({ pid }) => pid);
  const outcome = await endHolders(deps, wanted, {
    shown: holders,
    secondLookAfterMs: wanted.length > 0 ? SECOND_LOOK_MS : 0,
  });
  for (const { pid, why } of outcome.refused) doors.tell(`PID ${String(pid)} was left: ${why}.`);
  const { ended, freedBytes, refused } = outcome;
  return {
    exitCode: 0,
    json: { holders: shown, ended, freedBytes, refused },
    text: holdersText(
      shown,
      `Ended ${ended.join(', ') || 'nothing'}; ${formatBytes(freedBytes)} freed.`,
    ),
  };
}

function holdersText(holders: readonly Holder[], ended: string | null): string {
  const lines = holders.flatMap((holder) => [
    `PID ${String(holder.pid)}  ${formatBytes(holder.usedBytes)}  ${holder.class}${holder.canEnd ? '  (can be ended)' : ''}`,
    `  ${holder.command ?? 'unknown command'}`,
    `  ${holder.reason} ${holder.remedy}`,
  ]);
  if (holders.length === 0) lines.push('Nothing holds GPU memory.');
  if (ended !== null) lines.push(ended);
  else if (holders.some(({ canEnd }) => canEnd)) lines.push('Nothing was ended: add --yes.');
  return lines.join('\n');
}
