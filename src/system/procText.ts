/** Reads the texts of Linux' /proc. Text in, plain data out; the reading itself is in linuxProcessTable.ts. */

export interface ProcStat {
  readonly pid: number;
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  /** Ticks since boot. */
  readonly startTime: string;
  readonly isKernelThread: boolean;
}

/** PF_KTHREAD, include/linux/sched.h. */
const KERNEL_THREAD_FLAG = 0x00200000;

/** The name may hold blanks and brackets: it ends at the last `)`. Null where the text is not a stat line. */
export function parseStat(text: string): ProcStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const pid = Number(text.slice(0, open));
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  // Field numbers of proc(5) less 3: the first one after the name is the state (3).
  const [state, ppid, pgid, sid] = fields;
  const flags = Number(fields[6]);
  const startTime = fields[19];
  if (!Number.isInteger(pid) || state === undefined || startTime === undefined) return null;
  if (!/^\d+$/.test(startTime)) return null;
  return {
    pid,
    comm: text.slice(open + 1, close),
    state,
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: Number(sid),
    startTime,
    isKernelThread: (flags & KERNEL_THREAD_FLAG) !== 0,
  };
}

export interface ProcStatus {
  /** The real one: who started it. */
  readonly uid: number | null;
  /** Pids from the namespace of this /proc inwards; more than one: it lives in a namespace further in. */
  readonly namespaceDepth: number | null;
}

export function parseStatus(text: string): ProcStatus {
  // real, effective, saved: where they differ the process acts for somebody else (setuid), and nobody's word counts
  const [, uid, ...others] = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(text) ?? [];
  const pids = /^NSpid:\s+(.+)$/m.exec(text)?.[1];
  return {
    uid: uid === undefined || others.some((other) => other !== uid) ? null : Number(uid),
    namespaceDepth: pids === undefined ? null : pids.trim().split(/\s+/).length,
  };
}

/** NUL-separated; a process that set its title leaves a tail of NULs. */
export function parseCmdline(text: string): readonly string[] {
  const cut = text.replace(/\0+$/, '');
  return cut === '' ? [] : cut.split('\0');
}

/** Docker, Podman, containerd and CRI-O write the container's id into the path of its control group. */
const CONTAINER_ID =
  /(?:docker|libpod|cri-containerd|crio|containerd|nerdctl|kubepods|garden|machine\.slice|buildkit)[^\n]*?[-/:]([0-9a-f]{64}|[0-9a-f]{32})(?:\.scope)?(?:\/|$)/m;
const LXC_NAME = /\/lxc(?:\.payload)?[./]([\w.-]+)/m;

export function parseContainerId(cgroup: string): string | null {
  return CONTAINER_ID.exec(cgroup)?.[1] ?? LXC_NAME.exec(cgroup)?.[1] ?? null;
}

const LISTEN = '0A';

/** Ports of /proc/PID/net/tcp{,6} that listen on a loopback or on any address, by socket inode. */
export function parseListeners(text: string): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state, , , , , , inode] = fields;
    const [address = '', port = ''] = local.split(':');
    if (state === LISTEN && inode !== undefined && isReachableHere(address))
      ports.set(inode, Number.parseInt(port, 16));
  }
  return ports;
}

/** Addresses are printed as 32-bit words in the machine's byte order (little-endian wherever GPUs are found). */
function isReachableHere(address: string): boolean {
  return (
    /^0+$/.test(address) || // 0.0.0.0 and ::
    /^[0-9A-F]{6}7F$/.test(address) || // 127.0.0.0/8
    address === '00000000000000000000000001000000' || // ::1
    /^0000000000000000FFFF0000[0-9A-F]{6}7F$/.test(address) // ::ffff:127.x.x.x
  );
}

/** Inode and path of each file mapped from one folder; a removed one has ` (deleted)` and is left out. */
export function parseMapped(maps: string, folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const line of maps.split('\n')) {
    const match = /^\S+ \S+ \S+ \S+ (\d+)\s+(\/.*)$/.exec(line);
    if (
      match?.[1] !== undefined &&
      match[2]?.startsWith(`${folder}/`) &&
      !match[2].endsWith(' (deleted)')
    )
      files.set(match[2], match[1]);
  }
  return files;
}

/** Value of one variable; a title that was written over the environment makes the rest unreadable, not wrong. */
export function parseEnvironmentValue(environ: string, name: string): string | null {
  const entry = environ.split('\0').find((line) => line.startsWith(`${name}=`));
  return entry === undefined ? null : entry.slice(name.length + 1);
}

/** uid → name from /etc/passwd. */
export function parsePasswd(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

/** Seconds since 1970 at which the machine started, from /proc/stat. */
export function parseBootSeconds(stat: string): number | null {
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1];
  return seconds === undefined ? null : Number(seconds);
}
