/** `clean`: who holds GPU memory, and, only with `--yes`, the end of leftovers. */
import type { Holder } from '../../processes/process';
import { formatBytes } from '../../shared/units';
import { endHolders, inspect, type CleanerDeps } from '../holders/cleaner';
import { readRecordedLaunches, STORAGE_VARIABLE } from '../servers/recordedLaunches';
import { HOLDER_NAMES, sentencesOf } from '../holders/holderNames';
import { columns } from './columns';
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

const NO_RECORDS = `No launches of the extension were found: what its servers leave behind is judged as anybody's. Name its storage folder with ${STORAGE_VARIABLE} to have them known.`;

export const cleanCommand: CliCommand = {
  name: 'clean',
  summary: 'shows every holder of GPU memory; ends leftovers only with --yes',
  usage: ['clean [--dry-run] [--pid N]… [--protect TEXT]… [--yes] [--json]'],
  flags: {
    'dry-run': { type: 'boolean', about: 'only looks, whatever else is given' },
    pid: {
      type: 'string',
      multiple: true,
      value: 'N',
      about: 'only this process; may be repeated',
    },
    protect: {
      type: 'string',
      multiple: true,
      value: 'TEXT',
      about: 'never one whose command holds this; may be repeated',
    },
    yes: { type: 'boolean', short: 'y', about: 'ends what can be ended' },
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
  const recorded = await readRecordedLaunches(doors.files, doors.environment);
  const deps: CleanerDeps = {
    table: doors.table,
    clock: doors.clock,
    log: doors.log,
    files: doors.files,
    sampleGpus: () => sampleGpus(doors),
    launches: () => recorded ?? [],
    protect: textFlags(input, 'protect'),
  };
  const { holders, blindSpots } = await inspect(deps, await deps.sampleGpus());
  const notes = [...blindSpots, ...(recorded === null ? [NO_RECORDS] : [])];
  // without a holder, and without a folder named, nobody misses the records
  const isNoteless = holders.length === 0 && !doors.environment[STORAGE_VARIABLE];
  const shown = pids.length === 0 ? holders : holders.filter(({ pid }) => pids.includes(pid));
  for (const pid of pids)
    if (!holders.some((holder) => holder.pid === pid))
      doors.tell(`PID ${String(pid)} holds no GPU memory and is no leftover.`);
  if (!isSet(input, 'yes') || isSet(input, 'dry-run'))
    return {
      exitCode: 0,
      json: { holders: shown, notes },
      text: [holdersText(shown, null), ...(isNoteless ? blindSpots : notes)].join('\n'),
    };
  const wanted = shown.filter(({ canEnd }) => canEnd).map(({ pid }) => pid);
  const outcome = await endHolders(deps, wanted, {
    shown: holders,
    secondLookAfterMs: wanted.length > 0 ? SECOND_LOOK_MS : 0,
  });
  for (const { pid, why } of outcome.refused) doors.tell(`PID ${String(pid)} was left: ${why}.`);
  const { ended, freedBytes, shortfall, refused } = outcome;
  return {
    exitCode: 0,
    json: { holders: shown, ended, freedBytes, shortfall, refused, notes },
    text: [
      holdersText(
        shown,
        `Ended ${ended.join(', ') || 'nothing'}; ${formatBytes(freedBytes)} freed${shortfall === null ? '' : `: ${shortfall}`}.`,
      ),
      ...notes,
    ].join('\n'),
  };
}

const goesWith = ({ goesWith: pids = [] }: Holder): string =>
  pids.length === 0 ? '' : `  goes with ${pids.join(', ')}`;

function holdersText(holders: readonly Holder[], ended: string | null): string {
  const heads = columns(
    holders.map((holder) => [
      `PID ${String(holder.pid)}`,
      formatBytes(holder.usedBytes),
      HOLDER_NAMES[holder.class],
      `${holder.canEnd ? 'can be ended' : ''}${goesWith(holder)}`,
    ]),
  );
  const lines = holders.flatMap((holder, at) => [
    heads[at] ?? '',
    `  ${holder.command ?? 'unknown command'}`,
    `  ${sentencesOf(holder).join(' ')}`,
  ]);
  if (holders.length === 0) lines.push('Nothing holds GPU memory.');
  if (ended !== null) lines.push(ended);
  else if (holders.some(({ canEnd }) => canEnd)) lines.push('Nothing was ended: add --yes.');
  return lines.join('\n');
}
