/**
 * Recorded real data that is not part of the repository (real start-ups, logs, tool outputs): the folder named by
 * VRAM_PILOT_DATA, else ../shared/data beside the checkout. Tests that read it say how much they read; under CI=true
 * its absence is a failure, elsewhere they are skipped.
 */
import fs from 'node:fs';
import path from 'node:path';

const folder = process.env.VRAM_PILOT_DATA ?? path.resolve('..', 'shared', 'data');

export const hasSharedData = fs.existsSync(folder);

/** `describe` that needs the recorded data. */
export function describeWithData(title: string, body: () => void): void {
  if (hasSharedData || process.env.CI === 'true') describe(title, body);
  else describe(`${title} (skipped: no recorded data at VRAM_PILOT_DATA)`, () => undefined);
}

export function dataPath(...parts: string[]): string {
  return path.join(folder, ...parts);
}

/** Throws where the file is missing, which under CI is the wanted failure. */
export function readDataText(...parts: string[]): string {
  return fs.readFileSync(dataPath(...parts), 'utf8');
}

export function readDataJson(...parts: string[]): unknown {
  return JSON.parse(readDataText(...parts));
}
