/** One entry for any recorded output of NVIDIA's tools. */
import type { GpuSample } from '../gpu';
import { mergeProcesses } from '../mergeProcesses';
import { readCsvTable, splitCells } from './csvTable';
import { readListing } from './listing';
import { readDmon, readPmon } from './pmon';
import { findProblems } from './problems';
import { readHeaderlessProcess, readProcessRows } from './queryComputeApps';
import { readGpuRows, readHeaderlessGpu } from './queryGpu';
import { readQueryText } from './queryText';
import { readQueryXml } from './queryXml';
import { readTable } from './table';
import { readTegrastats, TEGRASTATS_LINE } from './tegrastats';
import { firstLine, linesOf } from '../values';

export type NvidiaFormat =
  | 'queryXml'
  | 'queryText'
  | 'table'
  | 'listing'
  | 'pmon'
  | 'dmon'
  | 'tegrastats'
  | 'csvProcesses'
  | 'csvGpus'
  | 'error'
  | 'headerlessCsv';

type Known = Partial<GpuSample>;

/** Tried from top to bottom: the forms that nothing else can be mistaken for come first. */
const FORMATS: readonly {
  readonly format: NvidiaFormat;
  recognizes(text: string): boolean;
  read(text: string): Known;
}[] = [
  {
    format: 'queryXml',
    recognizes: (text) => /<nvidia_smi_log\b|<gpu id="/.test(text),
    read: readQueryXml,
  },
  {
    format: 'queryText',
    recognizes: (text) => /^=+NVSMI LOG=+|^ {4}Product Name +: /m.test(text),
    read: readQueryText,
  },
  {
    format: 'table',
    recognizes: (text) =>
      /^\|\s*NVIDIA-SMI\s+\d|^\| +GPU +Name\b|^\| +Processes:/m.test(text) &&
      !text.includes('AMD-SMI'),
    read: readTable,
  },
  {
    format: 'listing',
    recognizes: (text) => /^GPU \d+: .*\(UUID: /m.test(text),
    read: (text) => ({ gpus: readListing(text) }),
  },
  {
    format: 'pmon',
    recognizes: (text) => /^#\s*gpu\s+pid\b/im.test(text),
    read: (text) => ({ processes: readPmon(text) }),
  },
  {
    format: 'dmon',
    recognizes: (text) => /^#\s*gpu\s+(?:\w+\s+)*(?:pwr|sm|fb)\b/im.test(text),
    read: (text) => ({ gpus: readDmon(text) }),
  },
  {
    format: 'tegrastats',
    recognizes: (text) => TEGRASTATS_LINE.test(text),
    read: (text) => ({ gpus: readTegrastats(text) }),
  },
  {
    format: 'csvProcesses',
    recognizes: (text) => hasColumn(text, isPidColumn),
    // both queries may be in one recording
    read: (text) => {
      const cards = readQueryGpu(text);
      return { ...cards, ...readComputeApps(text, cards.gpus) };
    },
  },
  {
    format: 'csvGpus',
    recognizes: (text) => hasColumn(text, isGpuColumn),
    read: readQueryGpu,
  },
  {
    format: 'error',
    recognizes: (text) => findProblems(text).length > 0,
    read: () => ({}),
  },
  {
    format: 'headerlessCsv',
    recognizes: (text) => countHeaderless(text) > 0,
    read: readHeaderless,
  },
];

/** null: not an output of nvidia-smi or tegrastats that we know. */
export function detectFormat(text: string): NvidiaFormat | null {
  return FORMATS.find((row) => row.recognizes(text))?.format ?? null;
}

/** Never throws; what cannot be read is a problem `bad_output`. */
export function readNvidiaOutput(text: string): GpuSample {
  const known = FORMATS.find((row) => row.recognizes(text))?.read(text) ?? {};
  const sample: GpuSample = {
    gpus: known.gpus ?? [],
    processes: known.processes ?? [],
    problems: [...findProblems(text), ...(known.problems ?? [])],
  };
  const silent = sample.gpus.length + sample.processes.length + sample.problems.length === 0;
  return silent && !isEmptyList(text) ? { ...sample, problems: [badOutput(text)] } : sample;
}

/** Rows of `--query-gpu`. */
export function readQueryGpu(text: string): Known {
  const table = readCsvTable(text, (fields) => fields.some(isGpuColumn) && !fields.includes('pid'));
  return table ? readGpuRows(table) : {};
}

/** Rows of `--query-compute-apps`, joined with the cards of the same moment where they are given. */
export function readComputeApps(text: string, gpus: GpuSample['gpus'] = []): Known {
  const table = readCsvTable(text, (fields) => fields.includes('pid'));
  return table ? { processes: mergeProcesses(readProcessRows(table, gpus)) } : {};
}

/** Rows of one kind only: what most of the lines are. Without a header a single odd row proves nothing. */
function readHeaderless(text: string): Known {
  const rows = linesOf(text)
    .filter((line) => line.trim() !== '')
    .map(splitCells);
  const processes = rows.map(readHeaderlessProcess).filter((row) => row !== null);
  if (processes.length > rows.length / 2) return { processes: mergeProcesses(processes) };
  const gpus = rows.map(readHeaderlessGpu).filter((gpu) => gpu.totalBytes !== null);
  return gpus.length > rows.length / 2 ? { gpus } : {};
}

function countHeaderless(text: string): number {
  const { gpus = [], processes = [] } = readHeaderless(text);
  return gpus.length + processes.length;
}

function hasColumn(text: string, wanted: (field: string) => boolean): boolean {
  return readCsvTable(text, (fields) => fields.some(wanted)) !== null;
}

const isPidColumn = (field: string): boolean => field === 'pid';

function isGpuColumn(field: string): boolean {
  return /^(?:index|name|gpu_name|uuid|gpu_uuid)$|^(?:memory|utilization|temperature|power|pci)\./.test(
    field,
  );
}

/** A machine without GPU processes prints a header, an empty table or "No running processes found". */
function isEmptyList(text: string): boolean {
  return hasColumn(text, isPidColumn) || /^#\s*gpu\s+pid\b|No running processes found/im.test(text);
}

function badOutput(text: string): GpuSample['problems'][number] {
  const line = firstLine(text);
  return {
    id: 'bad_output',
    text:
      line === ''
        ? 'nvidia-smi printed nothing.'
        : `This is no output of nvidia-smi that can be read: ${line}`,
  };
}
