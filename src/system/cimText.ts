/** Reads what PowerShell tells of Windows' processes as JSON. Text in, plain data out. */
import * as z from 'zod/mini';
import { parseJson } from '../shared/json';

export interface CimRow {
  readonly pid: number;
  readonly ppid: number;
  /** 100 ns since the year 1, as text. */
  readonly startTime: string;
  readonly startedAtMs: number;
  readonly name: string;
  readonly args: readonly string[];
}

export interface CimTable {
  readonly bootId: string;
  readonly rows: readonly CimRow[];
}

/** One object with the moment of the boot and all processes; times as ticks, because JSON dates differ by version. */
export const CIM_SCRIPT = [
  '$ErrorActionPreference = "Stop"',
  '[Console]::OutputEncoding = [System.Text.Encoding]::UTF8',
  '$boot = (Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().Ticks',
  '$rows = @(Get-CimInstance Win32_Process | Where-Object CreationDate | ForEach-Object { [pscustomobject]@{' +
    ' pid = $_.ProcessId; ppid = $_.ParentProcessId; name = $_.Name;' +
    ' command = $_.CommandLine; file = $_.ExecutablePath;' +
    ' created = "$($_.CreationDate.ToUniversalTime().Ticks)" } })',
  'ConvertTo-Json -Compress -Depth 3 @{ boot = "$boot"; rows = $rows }',
].join('; ');

const schema = z.object({
  boot: z.string(),
  rows: z.array(
    z.object({
      pid: z.number(),
      ppid: z.number(),
      name: z.string(),
      command: z.nullish(z.string()),
      file: z.nullish(z.string()),
      created: z.string().check(z.regex(/^\d+$/)),
    }),
  ),
});

const TICKS_PER_MS = 10_000n;
/** 1970 in milliseconds since the year 1. */
const EPOCH_MS = 62_135_596_800_000n;

/** null: not what the script prints. */
export function parseCim(text: string): CimTable | null {
  const parsed = z.safeParse(schema, parseJson(text));
  if (!parsed.success) return null;
  const { boot, rows } = parsed.data;
  return {
    bootId: boot,
    rows: rows.map(({ pid, ppid, name, command, file, created }) => ({
      pid,
      ppid,
      startTime: created,
      startedAtMs: Number(BigInt(created) / TICKS_PER_MS - EPOCH_MS),
      name,
      // hidden for other users' and for elevated processes
      args: command ? splitCommandLine(command) : file ? [file] : [],
    })),
  };
}

/**
 * As CommandLineToArgvW: blanks part, quotes keep together, backslashes mean themselves except before a quote.
 * https://learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw
 */
export function splitCommandLine(line: string): readonly string[] {
  const args: string[] = [];
  let current: string | null = null;
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === '\\') {
      const run = /^\\+/.exec(line.slice(at))?.[0].length ?? 1;
      const beforeQuote = line.charAt(at + run) === '"';
      current = (current ?? '') + '\\'.repeat(beforeQuote ? Math.floor(run / 2) : run);
      at += run - 1;
      if (beforeQuote && run % 2 === 1) {
        current += '"';
        at += 1;
      }
    } else if (char === '"') {
      quoted = !quoted;
      current ??= '';
    } else if (!quoted && /\s/.test(char)) {
      if (current !== null) args.push(current);
      current = null;
    } else current = (current ?? '') + char;
  }
  return current === null ? args : [...args, current];
}
