/** State in longer words: the GPU report, the explanation of a failure. */
import type { Evidence } from '../engines/engine';
import { formatBytes, formatGib } from '../shared/units';
import type { OutputTail } from './servers/outputTails';
import { gpuNotes } from './gpus/gpuNotes';
import { serverDetail, serverFacts } from './servers/serverText';
import type { AppState, Server } from './state';
import { unseenHoldersOf } from './holders/unseenHolders';

export function gpuReport(state: AppState, nowMs: number): string {
  const lines = ['# GPU report', ''];
  if (state.gpu.simulated) lines.push('**Simulated GPU**: these figures are made up.', '');
  if (state.gpu.status === 'absent') lines.push('No GPU tool was found on this machine.', '');
  if (state.gpu.failure) lines.push(`Not answering: ${state.gpu.failure.text}`, '');
  if (state.gpu.sampledAtMs !== null) {
    const seconds = Math.round((nowMs - state.gpu.sampledAtMs) / 1000);
    lines.push(
      `Sample of ${new Date(state.gpu.sampledAtMs).toISOString()}, ${String(seconds)} s old.`,
      '',
    );
  }
  for (const gpu of state.gpu.sample?.gpus ?? []) {
    lines.push(
      `## GPU ${String(gpu.index)}: ${gpu.name ?? 'unknown'}`,
      '',
      `- used ${formatGib(gpu.usedBytes)} of ${formatGib(gpu.totalBytes)}, free ${formatGib(gpu.freeBytes)}, reserved ${formatBytes(gpu.reservedBytes)}`,
      `- driver ${gpu.driverVersion ?? 'unknown'}, compute capability ${gpu.computeCapability ?? 'unknown'}, memory ${gpu.memory}`,
      ...gpuNotes(gpu).map((note) => `- ${note}`),
      '',
    );
    const holders = state.holders.filter((holder) => holder.gpus.includes(gpu.index));
    for (const holder of holders) {
      lines.push(
        `- PID ${String(holder.pid)}, ${formatBytes(holder.usedBytes)}, ${holder.class}: ${holder.reason}`,
        `  \`${holder.command ?? 'unknown command'}\``,
      );
    }
    if (holders.length === 0) lines.push('- No process is listed.');
    const unseen = unseenHoldersOf(state, gpu);
    if (unseen) lines.push(`- ${unseen.text}. ${unseen.reasons.join(' ')}`);
    lines.push('');
  }
  return lines.join('\n');
}

/** Each evidence line begins with `line N:`, by which the editor links it to the output. */
export function explainFailure(server: Server, tail: OutputTail | null, nowMs: number): string {
  const { diagnosis, failure } = server;
  const lines = [`# ${server.title}`, '', `It ${serverDetail(server, nowMs)}.`, ''];
  if (diagnosis?.cause) {
    lines.push(`## Cause: ${diagnosis.cause.title}`, '');
    lines.push(...diagnosis.cause.evidence.flatMap((one) => withContext(one, tail)), '');
  } else lines.push('No cause was found in its output; its terminal has the whole of it.', '');
  if (failure && failure.culprits.length > 0)
    lines.push(
      '## Who else was at work',
      '',
      ...failure.culprits.map((one) => `- ${one}`),
      '',
      'Once that is over, the same settings may start as they are: Restart Server.',
      '',
    );
  lines.push(...helpText(server));
  if (failure && failure.tried.length > 1)
    lines.push('## What was tried here before', '', ...failure.tried.map((one) => `- ${one}`), '');
  if (server.exitCode !== null) lines.push(`Exit code ${String(server.exitCode)}.`, '');
  const facts = serverFacts(server);
  if (facts.length > 0)
    lines.push('## What its start told', '', ...facts.map((fact) => `- ${fact}`), '');
  return lines.join('\n');
}

function helpText({ diagnosis, failure }: Server): string[] {
  if (failure?.correction) {
    const { diff, why, plan } = failure.correction;
    return [
      '## Corrected launch',
      '',
      '```diff',
      ...diff.map(diffLine),
      '```',
      '',
      why,
      '',
      `${plan}.`,
      '',
    ];
  }
  const remedy = diagnosis?.remedy ?? null;
  const lines: string[] = [];
  if (remedy) lines.push('## What helps', '', remedy.summary, '', remedy.why, '');
  if (failure?.reason != null && failure.reason !== remedy?.summary)
    lines.push('## No corrected launch', '', failure.reason, '');
  return lines;
}

/** Coloured as a diff where the editor knows how: a change is neither gone nor new. */
const diffLine = (line: string): string =>
  /^[+−] /.test(line) ? line.replace('−', '-') : `! ${line}`;

const CONTEXT_LINES = 2;

/** The line with its neighbours in the output, where that is still kept. */
function withContext({ line, text }: Evidence, tail: OutputTail | null): string[] {
  const at = tail ? line - tail.firstLine : -1;
  const shown = (number: number, words: string) => `    line ${String(number)}: ${words}`;
  if (!tail || at < 0 || at >= tail.lines.length) return [shown(line, text)];
  const from = Math.max(0, at - CONTEXT_LINES);
  return [
    ...tail.lines
      .slice(from, at + CONTEXT_LINES + 1)
      .map((words, place) =>
        from + place === at ? shown(line, text) : `             ${words.slice(0, 200)}`,
      ),
    '',
  ];
}
