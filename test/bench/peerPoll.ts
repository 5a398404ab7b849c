/** A poll as other extensions do it: the tool started anew twice a second, whoever looks. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export async function pollAsAPeer(executable: string, signal: AbortSignal): Promise<void> {
  const fields = 'index,name,memory.total,memory.used,utilization.gpu,temperature.gpu';
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  while (!signal.aborted) {
    await promisify(execFile)(executable, args);
    await sleep(500);
  }
}
