/** `Explain Last Failure`: why a server failed, by what evidence, and what to start instead, as Markdown. */
import type { Evidence } from '../../engines/engine';
import type { OutputTail } from '../servers/outputTails';
import { serverDetail, serverFacts } from '../servers/serverText';
import type { Server } from '../state';

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
  /^[+\u2212] /.test(line) ? line.replace('−', '-') : `! ${line}`;

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
