/** Reads the process table for tests, apart from the product's own reader. Linux only. */
export interface ProcessRow {
  readonly pid: number;
  readonly pgid: number;
  readonly state: string;
  readonly command: string;
}

export function readProcesses(): ProcessRow[];

/** Zombies wait for their parent and hold nothing: they count as gone. */
export function isAlive(pid: number): boolean;

/** Living processes of a group; vLLM's orphans keep the group of their dead server. */
export function livingGroup(pgid: number): ProcessRow[];
