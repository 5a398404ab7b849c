/** What the status bar says: text, hover and colour, from the state alone. */
import type { Gpu } from '../../gpu/gpu';
import { formatDuration, formatGib, GIB } from '../../shared/units';
import { coexistenceLines } from '../coexistence/coexistenceText';
import { gpuNotes } from './gpuNotes';
import { NO_TRENDS, type Trends } from './history';
import { HOLDER_NAMES } from '../holders/holderNames';
import { shortGpuName } from '../../shared/shortGpuName';
import type { Settings } from '../settings';
import { shortCommand } from '../holders/shortCommand';
import { trendLines } from './trendText';
import type { AppState, Server } from '../state';

export interface Gauge {
  readonly visible: boolean;
  readonly text: string;
  /** Markdown; changes only with what it says, because a new hover closes the open one. */
  readonly hover: string;
  readonly spoken: string;
  readonly colour: 'none' | 'warning' | 'error';
}

/** Older than this many intervals, a figure is shown with its age. */
const STALE_INTERVALS = 3;
/** The hover's tables have no room between their columns. */
const APART = '&nbsp; ';

export function gaugeOf(
  state: AppState,
  settings: Settings,
  nowMs: number,
  trends: Trends = NO_TRENDS,
): Gauge {
  const visibility = settings['statusBar.visibility'];
  const failed = state.servers.find((server) => isUnseenFailure(server));
  const sample = state.gpu.sample;
  const visible =
    visibility === 'always' ||
    (visibility === 'auto' && state.gpu.status !== 'absent' && state.gpu.status !== 'unknown');
  const ageMs = state.gpu.sampledAtMs === null ? null : nowMs - state.gpu.sampledAtMs;
  const isStale =
    ageMs !== null && ageMs > STALE_INTERVALS * settings['monitor.intervalSeconds'] * 1000;
  const gpus = sample?.gpus ?? [];
  const marks = [
    state.gpu.simulated ? 'simulated' : null,
    isStale ? `${formatDuration(ageMs)} old` : null,
    state.gpu.status === 'failing' && !sample ? 'no answer' : null,
  ].filter((mark) => mark !== null);
  const figures =
    gpus.length > 0 ? shortFigures(gpus) : state.gpu.status === 'absent' ? 'no GPU' : 'GPU ?';
  const text = `$(${failed ? 'error' : 'chip'}) ${[figures, ...marks].join(' · ')}`;
  return {
    visible,
    text,
    hover: hoverOf(state, isStale ? ageMs : null, trends, coexistenceLines(state, settings, nowMs)),
    spoken: [
      spokenOf(gpus, state.gpu.simulated),
      isStale ? `${formatDuration(ageMs)} old` : null,
      failed ? `${failed.title} ${failed.endReason ?? 'ended'}` : null,
      hasPressure(state) ? 'memory is short' : null,
    ]
      .filter((part) => part !== null)
      .join(', '),
    colour: failed ? 'error' : hasPressure(state) ? 'warning' : 'none',
  };
}

/** A vLLM server is meant to fill the card: only what none of our servers planned counts. */
function hasPressure(state: AppState): boolean {
  return Object.values(state.gpu.pressure).some((level) => level !== 'ok');
}

function isUnseenFailure(server: Server): boolean {
  return !server.seen && (server.endReason === 'failed' || server.endReason === 'crashed');
}

/** One or two GPUs in full; of more, the fullest and how many others: "20.0/24.0 GiB +2". */
function shortFigures(gpus: readonly Gpu[]): string {
  const [first] = gpus;
  if (gpus.length === 1 && first) return `${figure(first)} GiB`;
  if (gpus.length === 2) return `${gpus.map(figure).join(' · ')} GiB`;
  const fullest = [...gpus].sort((a, b) => fillOf(b) - fillOf(a))[0];
  return fullest ? `${figure(fullest)} GiB +${String(gpus.length - 1)}` : '?';
}

function figure(gpu: Gpu): string {
  const show = (bytes: number | null) => (bytes === null ? '?' : (bytes / GIB).toFixed(1));
  return `${show(gpu.usedBytes)}/${show(gpu.totalBytes)}`;
}

function fillOf(gpu: Gpu): number {
  return gpu.usedBytes !== null && gpu.totalBytes ? gpu.usedBytes / gpu.totalBytes : 0;
}

function hoverOf(
  state: AppState,
  staleMs: number | null,
  trends: Trends,
  remarks: readonly string[],
): string {
  const lines: string[] = [];
  if (state.gpu.simulated) lines.push('**Simulated GPU**: these figures are made up.', '');
  const gpus = state.gpu.sample?.gpus ?? [];
  if (gpus.length > 0) {
    const hasPast = gpus.some(({ index }) => (trends.get(index)?.sparkline ?? '') !== '');
    lines.push(
      `| GPU | Used | Total | Free | Load |${hasPast ? `${APART}Last 15 min |` : ''}`,
      `|:--|--:|--:|--:|--:|${hasPast ? ':--|' : ''}`,
    );
    for (const gpu of gpus) {
      const load = gpu.utilizationPercent === null ? '–' : `${String(gpu.utilizationPercent)} %`;
      const cells = [
        `${String(gpu.index)} ${escape(gpu.name === null ? 'unknown' : shortGpuName(gpu.name))}${APART}`,
        ...[gpu.usedBytes, gpu.totalBytes, gpu.freeBytes].map(
          (bytes) => `${APART}${formatGib(bytes, 1)}`,
        ),
        `${APART}${load}`,
        ...(hasPast ? [`${APART}${trends.get(gpu.index)?.sparkline ?? ''}`] : []),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
    const notes = gpus.flatMap((gpu) =>
      gpuNotes(gpu).map((note) => `${gpus.length > 1 ? `GPU ${String(gpu.index)}: ` : ''}${note}`),
    );
    if (notes.length > 0) lines.push('', notes.map(escape).join('  \n'));
  }
  const holders = [...state.holders]
    .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
    .slice(0, 5);
  if (holders.length > 0) {
    lines.push('', `| Process | Holds |${APART}Kind |`, '|:--|--:|:--|');
    for (const holder of holders) {
      lines.push(
        `| ${escape(shortCommand(holder.command))} (${String(holder.pid)}) | ${APART}${formatGib(holder.usedBytes, 1)} | ${APART}${HOLDER_NAMES[holder.class]} |`,
      );
    }
  }
  // old figures don't tell where memory is going now
  if (staleMs === null)
    for (const text of trendLines(state, trends)) lines.push('', `$(graph-line) ${escape(text)}`);
  for (const text of remarks) lines.push('', `$(info) ${escape(text)}`);
  if (staleMs !== null) lines.push('', `$(history) Seen ${formatDuration(staleMs)} ago.`);
  if (state.gpu.failure) lines.push('', `$(warning) ${escape(state.gpu.failure.text)}`);
  if (state.gpu.status === 'absent') lines.push('No GPU tool was found on this machine.');
  lines.push(
    '',
    '[Open Planner](command:vramPilot.openPlanner) · [Clean Up…](command:vramPilot.cleanUp)',
  );
  return lines.join('\n');
}

function escape(text: string): string {
  return text.replace(/[|\\`*_{}[\]<>()#+!$~]/g, '\\$&').replace(/\s+/g, ' ');
}

function spokenOf(gpus: readonly Gpu[], simulated: boolean): string {
  const parts = gpus.map(
    (gpu) =>
      `GPU ${String(gpu.index)}: ${formatGib(gpu.usedBytes, 1)} of ${formatGib(gpu.totalBytes, 1)} used`,
  );
  return (
    [simulated ? 'Simulated' : '', ...parts].filter((part) => part !== '').join(', ') ||
    'No GPU figures'
  );
}
