/**
 * The csv of `nvidia-smi --query-…`: no quoting, separator ", ", a header line that names each column and its unit.
 * Warnings and Xid messages may stand between the rows: a line that does not fit the header is not a row.
 */
import { linesOf } from '../values';

interface CsvColumn {
  /** As asked for, e.g. `memory.total`. */
  readonly field: string;
  /** `MiB`, `W`, `%` …; "" where the header has none. */
  readonly unit: string;
}

export interface CsvTable {
  readonly columns: readonly CsvColumn[];
  /** Cells by field name. */
  readonly rows: readonly ReadonlyMap<string, string>[];
}

/** Columns that may hold a comma. One of them per query is unambiguous. */
const TEXT_FIELDS = new Set(['name', 'gpu_name', 'process_name']);

const HEADER_CELL = /^([a-z][a-z0-9_.]*)(?: \[([A-Za-z%/]+)\])?$/;

/**
 * The newest table of those with the columns wanted; null where no line of the text is a header of one. A header that
 * comes again (loop mode) starts over.
 */
export function readCsvTable(
  text: string,
  isWanted: (fields: readonly string[]) => boolean = () => true,
): CsvTable | null {
  let newest: CsvTable | null = null;
  let rows: ReadonlyMap<string, string>[] | null = null;
  for (const line of linesOf(text)) {
    const header = readHeader(line);
    if (header) {
      rows = isWanted(header.map(({ field }) => field)) ? [] : null;
      if (rows) newest = { columns: header, rows };
      continue;
    }
    const row = newest && rows && readRow(line, newest.columns);
    if (row) rows?.push(row);
  }
  return newest && withoutTornCells(newest);
}

const WITH_UNIT = /^\S+ (?:MiB|W|%|MHz)$/;

/** Where cells have their units (no `nounits`), a bare number in a column with one is half of what was to be written. */
function withoutTornCells(table: CsvTable): CsvTable {
  const { columns, rows } = table;
  if (!rows.some((row) => [...row.values()].some((cell) => WITH_UNIT.test(cell)))) return table;
  const withUnit = new Set(columns.filter(({ unit }) => unit !== '').map(({ field }) => field));
  const isTorn = (field: string, cell: string) => withUnit.has(field) && /^[\d.]+$/.test(cell);
  return {
    columns,
    rows: rows.map(
      (row) =>
        new Map([...row].map(([field, cell]) => [field, isTorn(field, cell) ? '' : cell] as const)),
    ),
  };
}

/** Cells of a line, for outputs recorded without a header. */
export function splitCells(line: string): string[] {
  return line.split(line.includes(', ') ? ', ' : ',').map((cell) => cell.trim());
}

function readHeader(line: string): CsvColumn[] | null {
  const columns: CsvColumn[] = [];
  for (const cell of splitCells(line)) {
    const match = HEADER_CELL.exec(cell);
    if (!match?.[1]) return null;
    columns.push({ field: match[1], unit: match[2] ?? '' });
  }
  // Bare words could be anything ("ffmpeg", a message in lower case).
  const named = ({ field, unit }: CsvColumn) =>
    unit !== '' || /[._]|^(?:index|name|uuid|pid)$/.test(field);
  return columns.some(named) ? columns : null;
}

function readRow(line: string, columns: readonly CsvColumn[]): ReadonlyMap<string, string> | null {
  let cells = splitCells(line);
  const surplus = cells.length - columns.length;
  if (surplus > 0) {
    const at = columns.findIndex((column) => TEXT_FIELDS.has(column.field));
    if (at === -1) return null;
    const whole = cells.slice(at, at + surplus + 1).join(', ');
    cells = [...cells.slice(0, at), whole, ...cells.slice(at + surplus + 1)];
  }
  if (cells.length !== columns.length || line.trim() === '') return null;
  return new Map(columns.map((column, at) => [column.field, cells[at] ?? '']));
}
