/** `Show GPU Report`: all that is known of each GPU and of who holds its memory, as Markdown. */
import { formatBytes, formatGib } from '../../shared/units';
import { unseenHoldersOf } from '../holders/unseenHolders';
import type { AppState } from '../state';
import { gpuNotes } from './gpuNotes';

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
