import type { FakeGpuState } from './fakeGpu.mjs';

/** What the stand-in for nvidia-smi prints and exits with, whatever `mode` says of its pace. */
export function answerOf(
  args: readonly string[],
  given: { readonly state: FakeGpuState; readonly statePath: string; readonly isAgain?: boolean },
): { text: string; code: number };
