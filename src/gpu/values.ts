/**
 * How GPU tools write values. Only the good form is a number; every other word ("[N/A]", "Not Supported", "ERR!",
 * "[GPU is lost]", …) is null, so that a new word of a new driver is unknown and not 0.
 */
import { GIB, KIB, MIB } from '../shared/units';

const QUANTITY = /^\s*(-?\d{1,12}(?:\.\d{1,6})?)\s*([A-Za-z%]*)\s*$/;

/** nvidia-smi of the first years, pmon and tegrastats write MB for 2^20 bytes. */
const MEMORY_UNITS: Readonly<Record<string, number>> = { KiB: KIB, MiB: MIB, MB: MIB, GiB: GIB };

/** `8 %`, `111.50 W`, `27 C`, `45`: the number if its unit is the expected one or missing, else null. */
export function readNumber(text: string | undefined, unit = ''): number | null {
  const match = QUANTITY.exec(text ?? '');
  return match && (match[2] === '' || match[2] === unit) ? Number(match[1]) : null;
}

/** Bytes of `8192 MiB`; a bare number is in `headerUnit`, which is MiB where a header has none. */
export function readMemory(text: string | undefined, headerUnit = ''): number | null {
  const match = QUANTITY.exec(text ?? '');
  const written = match?.[2] === '' ? headerUnit : match?.[2];
  const unit = MEMORY_UNITS[written === '' ? 'MiB' : (written ?? '')];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : null;
}

/** The same where the tool always writes the unit: a bare number is what is left of a torn line. */
export function readSize(text: string | undefined): number | null {
  return readMemory(text, 'none');
}

/** Whole numbers without sign or unit: indices, pids, instance ids. */
export function readCount(text: string | undefined): number | null {
  return /^\s*\d{1,10}\s*$/.test(text ?? '') ? Number(text) : null;
}

/** Free text, or null where the tool says that it has none: `[N/A]`, `N/A`, `[Not Found]`, `[Insufficient Permissions]`, nothing. */
export function readText(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' || /^(?:\[.*\]|N\/A|Insufficient Permissions)$/i.test(trimmed)
    ? null
    : trimmed;
}

/** `[N/A]` or `[Not Supported]`: the tool knows the question and this device has no answer to it. */
export function isNotSupported(text: string | undefined): boolean {
  return /^\s*\[?(?:N\/A|Not Supported)\]?\s*$/i.test(text ?? '');
}

/** null as soon as one of them is unknown; 0 of none. */
export function sumOf(amounts: readonly (number | null)[]): number | null {
  return amounts.reduce<number | null>(
    (sum, amount) => (sum === null || amount === null ? null : sum + amount),
    0,
  );
}

/** What the first group of the pattern finds in a text, as a number; null where it is not found. */
export function numberAt(text: string, pattern: RegExp): number | null {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** First line that is not blank, at most 200 characters of it, none that a terminal obeys; "" where there is none. */
export function firstLine(text: string): string {
  return (/\S[^\r\n]*/.exec(text)?.[0] ?? '').slice(0, 200).replaceAll(/\p{Cc}/gu, '');
}

/** Lines without their ends (LF, CRLF, CR), byte order mark and the NULs of a UTF-16 file read as UTF-8. */
export function linesOf(text: string): string[] {
  return withoutMarks(text).split(/\r\n|\n|\r/);
}

const withoutMarks = (text: string): string =>
  text.replaceAll('\0', '').replace(/^[\uFEFF\uFFFD]+/, '');

/**
 * A recording as the tool printed it: without what shells, editors and reports add to it (marks of the encoding, colours,
 * line ends of Windows, blanks at line ends, a common indent or the `>` of a quotation).
 */
export function plainText(text: string): string {
  const lines = linesOf(text.replaceAll(COLOURS, '')).map((line) => line.trimEnd());
  const margins = lines
    .map((line) => [line, MARGIN.exec(line)?.[0] ?? ''] as const)
    .flatMap(([line, margin]) => (line === margin.trimEnd() ? [] : [margin]));
  const [shortest = ''] = margins.sort((a, b) => a.length - b.length);
  const isCommon = margins.every((margin) => margin.startsWith(shortest));
  return lines.map((line) => (isCommon ? line.slice(shortest.length) : line)).join('\n');
}

/** What a terminal takes for colours begins with a control character. */
const COLOURS = /\u001b\[[\d;]*[A-Za-z]/g;
const MARGIN = /^(?:> ?)*[ \t]*/;

/** Without its last line where that ends like a torn one: tools end each line they write. */
export function withoutTornEnd(text: string, torn: RegExp): string {
  const at = text.lastIndexOf('\n') + 1;
  return torn.test(text.slice(at)) ? text.slice(0, at) : text;
}

/** Names of chips that share the system's memory; a hint only, for outputs without a memory column. */
const INTEGRATED = /\b(?:GB10|Thor|Orin|Xavier|N1X)\b/;

/** True only for the names known; an unknown name says nothing. */
export function isIntegrated(name: string | null | undefined): boolean {
  return INTEGRATED.test(name ?? '');
}
