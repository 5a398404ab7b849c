/** Reads what `ps` and `lsof` print on macOS (and elsewhere). Text in, plain data out. */

export interface PsRow {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** null: macOS prints an address or 0 here. */
  readonly sid: number | null;
  readonly uid: number;
  readonly user: string;
  readonly state: string;
  /** Seconds since 1970, as text: the finest that `ps` tells. */
  readonly startTime: string;
  readonly comm: string;
}

/**
 * `lstart` is five words, `comm` may hold blanks and comes last. Ask with `LC_ALL=C` and `TZ=UTC`.
 * `=` leaves the headings out.
 */
export const PS_COLUMNS = 'pid=,ppid=,pgid=,sess=,uid=,user=,state=,lstart=,comm=';

const ROW =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s+\w{3}\s+(\w{3}\s+\d+\s+\d\d:\d\d:\d\d\s+\d{4})\s+(.*)$/;

/** Lines that do not fit are left out. */
export function parsePs(text: string): readonly PsRow[] {
  return text.split('\n').flatMap((line) => {
    const match = ROW.exec(line);
    if (!match) return [];
    const [, pid, ppid, pgid, session = '', uid, user = '', state = '', started, comm = ''] = match;
    const startedMs = Date.parse(`${started ?? ''} UTC`);
    if (Number.isNaN(startedMs)) return [];
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        pgid: Number(pgid),
        sid: /^[1-9]\d*$/.test(session) ? Number(session) : null,
        uid: Number(uid),
        user,
        state: state.charAt(0),
        startTime: String(startedMs / 1000),
        comm: comm.trim().split('/').at(-1) ?? '',
      },
    ];
  });
}

/** pid → whole command line (`ps -o pid=,command=`). Where one argument ends and the next begins is not told. */
export function parsePsCommands(text: string): ReadonlyMap<number, string> {
  const commands = new Map<number, string>();
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(.*\S)\s*$/.exec(line);
    if (match?.[2] !== undefined) commands.set(Number(match[1]), match[2]);
  }
  return commands;
}

/** Ports of `lsof -Fn` lines that listen on a loopback or on any address: `n*:8000`, `n127.0.0.1:8000`, `n[::1]:8000`. */
export function parseLsofPorts(text: string): readonly number[] {
  const ports = new Set<number>();
  for (const line of text.split('\n')) {
    const port = /^n(?:\*|127\.[\d.]+|\[::1?\]|localhost):(\d+)$/.exec(line.trim())?.[1];
    if (port !== undefined) ports.add(Number(port));
  }
  return [...ports].sort((a, b) => a - b);
}
