/** What a short load showed, as a document to read. */
import { formatCount, formatPercent } from '../../shared/units';
import type { LoadStep } from './loadStep';
import { serverDetail } from '../servers/serverText';
import type { Server } from '../state';
import type { LoadReport } from './testLoad';

export function loadReport(server: Server, report: LoadReport, nowMs: number): string {
  const { steps, isCutShort, end } = report;
  const failures = new Map<string, number>();
  for (const text of steps.flatMap(({ failed }) => failed))
    failures.set(text, (failures.get(text) ?? 0) + 1);
  return [
    `# Short load: ${server.title}`,
    '',
    end === null ? `It is ${serverDetail(server, nowMs)}.` : `**${end}**`,
    ...(isCutShort
      ? ['', 'Not every request was answered in the time there was (2 minutes).']
      : []),
    '',
    ...table([['', ...steps.map(stepTitle)], ...rowsOf(steps)]),
    '',
    ...capacityLines(report).map((line) => `- ${line}`),
    '',
    ...(failures.size === 0 ? [] : ['## Failures', '']),
    ...[...failures].map(([text, count]) => `- ${String(count)} × ${text}`),
    '',
  ].join('\n');
}

const stepTitle = ({ atOnce }: LoadStep): string =>
  atOnce === 1 ? 'one after another' : `${String(atOnce)} at once`;

function rowsOf(steps: readonly LoadStep[]): string[][] {
  const row = (name: string, of: (step: LoadStep) => string) => [name, ...steps.map(of)];
  const each = (of: (outcome: LoadStep['answered'][number]) => number | null) => (step: LoadStep) =>
    step.answered.map(of).filter((value) => value !== null);
  const pair = (values: readonly number[]) =>
    values.length === 0
      ? '–'
      : `${inSeconds(percentile(values, 0.5))} / ${inSeconds(percentile(values, 0.95))}`;
  const middle = (values: readonly number[], digits = 0) =>
    values.length === 0 ? '–' : percentile(values, 0.5).toFixed(digits);
  const latency = each(({ totalMs }) => totalMs);
  const first = each(({ firstMs }) => firstMs);
  const speed = each(({ tokensPerSecond }) => tokensPerSecond);
  const prompt = each(({ promptTokens }) => promptTokens);
  return [
    row(
      'Requests answered',
      (step) => `${String(step.answered.length)} of ${String(step.planned)}`,
    ),
    row('Requests failed', ({ failed }) => String(failed.length)),
    row('Tokens of a prompt', (step) => middle(prompt(step))),
    row('Latency, p50 / p95', (step) => pair(latency(step))),
    row('Time to first token, p50 / p95', (step) => pair(first(step))),
    row('Tokens per second of a request, p50', (step) => middle(speed(step), 1)),
    row('Tokens per second, all together', (step) => {
      const tokens = step.answered.reduce((sum, one) => sum + (one.tokens ?? 0), 0);
      return tokens === 0 ? '–' : (tokens / (step.tookMs / 1000)).toFixed(1);
    }),
  ];
}

function capacityLines({ promised, poolTokens, peaks }: LoadReport): string[] {
  const lines: string[] = [];
  if (promised !== null)
    lines.push(`Requests of full length side by side, by its start: ${promised.toFixed(2)}`);
  if (peaks.kvUse !== null) {
    const pool = poolTokens === null ? '' : ` of ${formatCount(poolTokens)} tokens`;
    lines.push(`KV cache in use at most: ${formatPercent(peaks.kvUse)}${pool}`);
  }
  if (peaks.waiting !== null) lines.push(`Requests waiting at most: ${formatCount(peaks.waiting)}`);
  if (peaks.preemptions !== null)
    lines.push(
      `Preemptions: ${formatCount(peaks.preemptions)}${peaks.preemptions > 0 ? ' (the KV cache was too small for what ran at once)' : ''}`,
    );
  return lines;
}

const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** Nearest rank: always a value that was measured. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Markdown that reads well as plain text, too. */
function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)];
}
