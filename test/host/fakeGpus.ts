/** The scene that the window's fake nvidia-smi shows; suites rewrite it to fill, empty or break the card. */
import fs from 'node:fs';

export interface FakeGpus {
  readonly cards: readonly {
    name: string;
    totalMiB: number;
    usedMiB: number;
    reservedMiB?: number;
    utilizationPercent?: number;
    computeCapability?: string;
  }[];
  readonly processes: readonly { pid: number; name: string; usedMiB?: number; gpu?: number }[];
  /** The tool says this and ends so. */
  readonly error?: { text: string; exitCode: number };
  readonly delayMs?: number;
}

export function showFakeGpus(scene: FakeGpus): void {
  const file = process.env.FAKE_GPUS;
  if (!file) throw new Error('this window has no fake GPU');
  // written beside and moved, so that the tool never reads half a file
  fs.writeFileSync(`${file}.new`, JSON.stringify(scene));
  fs.renameSync(`${file}.new`, file);
}

export function fakeGpus(): FakeGpus {
  return JSON.parse(fs.readFileSync(process.env.FAKE_GPUS ?? '', 'utf8')) as FakeGpus;
}
