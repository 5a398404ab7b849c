/** State in longer words: the GPU report, the explanation of a failure, diagnostics to send along. */
import { redactArguments } from '../processes/redact';
import { formatBytes, formatGib } from '../shared/units';
import { serverDetail, serverFacts } from './serverText';
import type { Settings } from './settings';
import type { AppState, Server } from './state';

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
    lines.push('');
  }
  return lines.join('\n');
}

export function explainFailure(server: Server, nowMs: number): string {
  const { diagnosis } = server;
  const lines = [`# ${server.title}`, '', `It ${serverDetail(server, nowMs)}.`, ''];
  if (diagnosis?.cause) {
    lines.push(`## Cause: ${diagnosis.cause.title}`, '');
    for (const { line, text } of diagnosis.cause.evidence)
      lines.push(`    line ${String(line)}: ${text}`);
    lines.push('');
  } else lines.push('No cause was found in its output; its terminal has the whole of it.', '');
  if (diagnosis?.remedy) {
    lines.push('## What helps', '', diagnosis.remedy.summary, '', diagnosis.remedy.why, '');
    const change = Object.entries(diagnosis.remedy.change);
    for (const [option, value] of change) lines.push(`- ${option} = ${JSON.stringify(value)}`);
    if (change.length > 0) lines.push('');
  }
  if (server.exitCode !== null) lines.push(`Exit code ${String(server.exitCode)}.`, '');
  const facts = serverFacts(server);
  if (facts.length > 0)
    lines.push('## What its start told', '', ...facts.map((fact) => `- ${fact}`), '');
  return lines.join('\n');
}

/** Everything known, without environment values and keys; paths and model names stay in, so the user reads it before sending. */
export function diagnostics(state: AppState, settings: Settings, version: string): string {
  const withoutValues = (env: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.keys(env).map((name) => [name, '(not shown)']));
  return JSON.stringify(
    {
      version,
      settings: {
        ...settings,
        'vllm.environment': withoutValues(settings['vllm.environment']),
        'vllm.extraArguments': redactArguments(settings['vllm.extraArguments']),
      },
      gpu: state.gpu,
      holders: state.holders,
      engines: state.engines,
      servers: state.servers.map((server) => ({
        ...server,
        wish: { ...server.wish, extraArguments: redactArguments(server.wish.extraArguments) },
        command: {
          ...server.command,
          args: redactArguments(server.command.args),
          env: withoutValues(server.command.env),
        },
      })),
    },
    null,
    2,
  );
}
