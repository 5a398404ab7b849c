import path from 'node:path';

/** A program of PROGRAMS in test/scripts/unit.mjs, which bundles it before the tests run. */
export const programPath = (name: 'cli' | 'extension' | 'lockRacer'): string =>
  path.join(process.env.VRAM_PILOT_PROGRAMS ?? '', `${name}.cjs`);
