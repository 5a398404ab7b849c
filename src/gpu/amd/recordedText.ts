/**
 * What amd-smi and rocm-smi print without `--json`, which nobody asks them for here, but people record: brought into the
 * form of their JSON, whose readers take it from there.
 */
import type { JsonRecord } from '../jsonText';
import { linesOf } from '../values';

const shortLinesOf = (text: string) => linesOf(text).filter(({ length }) => length <= 400);

/** Rows of amd-smi by their `gpu`; undefined: neither its CSV nor its table. */
export function amdSmiRows(text: string): readonly JsonRecord[] | undefined {
  return /^\| AMD-SMI /m.test(text) ? tableRows(text) : csvRows(text, 'gpu');
}

/** Cards of rocm-smi by their names; undefined: nothing of it. */
export function rocmSmiCards(text: string): JsonRecord | undefined {
  const cards: Record<string, Record<string, string>> = {};
  const add = (index: string, cells: JsonRecord) =>
    (cards[`card${index}`] = { ...cards[`card${index}`], ...(cells as Record<string, string>) });
  for (const row of csvRows(text, 'device') ?? [])
    cards[String(row.device)] = row as Record<string, string>;
  const system: Record<string, string> = {};
  for (const line of shortLinesOf(text)) {
    const [, index, key, value] = /^GPU\[(\d{1,3})\]\s*: ([^:]+): *(.*)$/.exec(line) ?? [];
    if (index !== undefined) add(index, { [key ?? '']: value?.trim() });
    const [, at, celsius, watts, limit, load] = CONCISE_ROW.exec(line) ?? [];
    if (at !== undefined)
      add(at, {
        'Temperature (Sensor edge) (C)': celsius,
        'Average Graphics Package Power (W)': watts,
        'Max Graphics Package Power (W)': limit,
        'GPU use (%)': load,
      });
    const [, pid, ...cells] = PID_ROW.exec(line) ?? [];
    if (pid !== undefined) system[`PID${pid}`] = cells.join(', ');
  }
  const found = /^PID\s+PROCESS NAME/m.test(text) ? { ...cards, system } : cards;
  return Object.keys(found).length > 0 ? found : undefined;
}

/** `0  0x740f, …  35.0°C  40.0W  N/A, N/A  800Mhz  1600Mhz  0%  auto  300.0W  0%  0%`; how full is only a share there. */
const CONCISE_ROW =
  /^(\d{1,3})\s.*?([\d.]+)\u00b0?[cC]\s+([\d.]+)W\s.*?([\d.]+)W\s+\S+%\s+(\d+)%\s*$/;
/** `28389  llama-server  1  2353860608  11011  0`: name, GPUs, VRAM, SDMA, CUs. */
const PID_ROW = /^(\d{1,10})\s+(\S.*?)\s+(\d+)\s+(\d+|UNKNOWN)\s+(\S+)\s+(\S+)$/;

/** Without a comma in quotes: rows that have one don't fit the header and are left out. */
function csvRows(text: string, first: string): readonly JsonRecord[] | undefined {
  const lines = shortLinesOf(text).map((line) => line.split(',').map((cell) => cell.trim()));
  const at = lines.findIndex(([head, second]) => head === first && second !== undefined);
  const header = lines[at];
  return (
    header &&
    lines
      .slice(at + 1)
      .filter((cells) => cells.length === header.length)
      .map((cells) => Object.fromEntries(header.map((name, column) => [name, cells[column]])))
  );
}

/** `| 0000:05:00.0    AMD Instinct MI300X | 0 %      37 °C   0           132/750 W |` */
const TABLE_CARD =
  /^\|\s*([\da-f]{4}:[\da-f:.]+)\s+(\S.*?)\s*\|\s*\S+(?: %)?\s+(\S+)(?: \u00b0?C)?\s+\S+\s+(N\/A|[^\s/]+)\/(\S+)(?: W)?\s*\|$/i;
/** `|   0       0       2        SPX/NPS1 | 0 %        N/A           283/196592 MB |` */
const TABLE_USE = /^\|\s*(\d{1,3})\s[^|]*\|\s*(\S+)(?: %)?\s.*?(\S+)\/(\S+) (\wB)\s*\|$/;
/** `|    0      12345  python3                2.0 MB   1.5 GB     1.5 GB     0.0 % |` */
const TABLE_PROCESS =
  /^\|\s*(\d{1,3})\s+(\d{1,10})\s+(\S.*?)\s+\S+ \wB\s+(\S+ \wB)\s+\S+ \wB\s+\S+(?: %)?\s*\|$/;

/** Two lines for each card, one for each process. */
function tableRows(text: string): readonly JsonRecord[] {
  const rows: JsonRecord[] = [];
  let card: JsonRecord = {};
  for (const line of shortLinesOf(text)) {
    const [, bdf, name, edge, watts, limit] = TABLE_CARD.exec(line) ?? [];
    if (bdf !== undefined)
      card = { bdf, market_name: name, edge, socket_power: watts, limit: { max_power: limit } };
    const [, gpu, load, used, total, unit = ''] = TABLE_USE.exec(line) ?? [];
    if (gpu !== undefined) {
      const memory = { vram_used: `${used} ${unit}`, vram_total: `${total} ${unit}` };
      rows.push({ ...card, ...memory, gpu, gfx_activity: load });
    }
    const [, on, pid, process, vram] = TABLE_PROCESS.exec(line) ?? [];
    if (on !== undefined) rows.push({ gpu: on, pid, name: process, vram_mem: vram });
  }
  return rows;
}
