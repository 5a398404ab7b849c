/** Measured in a real window: activation, the first gauge, and what sampling costs the extension host. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../src/vscode/api';

const SECONDS = Number(process.env.BENCH_SECONDS ?? '60');

async function sampleEvery(seconds: number): Promise<void> {
  await vscode.workspace
    .getConfiguration('vramPilot')
    .update('monitor.intervalSeconds', seconds, vscode.ConfigurationTarget.Global);
}

/** CPU time of this process (tools that it starts are not in it) per minute. */
async function cpuMsPerMinute(seconds: number): Promise<number> {
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000) * (60 / seconds);
}

describe('benchmark', () => {
  it('measures activation and sampling', async function () {
    this.timeout((SECONDS * 2 + 60) * 1000);
    const extension = vscode.extensions.getExtension<VramPilotApi>('vram-pilot.vram-pilot')!;
    const api = await extension.activate();
    for (let i = 0; i < 100 && api.timings.firstGaugeMs === null; i++) await sleep(100);
    const { activateMs, firstGaugeMs } = api.timings;
    await sleep(5000); // the window settles
    await sampleEvery(60);
    await sleep(3000);
    const idle = await cpuMsPerMinute(SECONDS / 2);
    await sampleEvery(2);
    await sleep(3000);
    const sampling = await cpuMsPerMinute(SECONDS);
    await sampleEvery(1);
    const results = {
      activateMs,
      firstGaugeMs,
      idleCpuMsPerMinute: idle,
      samplingEvery2sCpuMsPerMinute: sampling,
      samplingCostMsPerMinute: sampling - idle,
    };
    fs.writeFileSync(process.env.BENCH_RESULTS ?? '', JSON.stringify(results));
  });
});
