// Settings and environment of each kind of test window.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerFirstAtOnce } from '../bench/quickTool.mjs';
import { createFakeGpu } from '../support/fakeGpu.mjs';
import { engineEnvironment, installEngines } from '../engines/install.mjs';
import { MARK } from './markedProcesses.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/** A desktop card; real engine processes of this run are charged to it, so that they are judged by the real process table. */
const GPU = {
  gpus: [{ name: 'NVIDIA GeForce RTX 4090', totalMiB: 24564, usedMiB: 1474, reservedMiB: 434 }],
  holders: [
    {
      commandIncludes: 'VLLM::EngineCore',
      usedMiB: 4813,
      name: 'VLLM::EngineCore',
      ownRun: MARK,
    },
  ],
};

/** Under the name it stands in for, and in the process table as Python running a script of that name: so it is known. */
function makeVllm(folder) {
  const script = path.join(folder, 'venv/bin/vllm');
  const vllm = path.join(folder, 'bin/vllm');
  for (const file of [script, vllm]) fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.symlinkSync(path.join(here, '../support/fakeVllm.mjs'), script);
  const text = `#!/bin/bash\nexec -a python3 '${process.execPath}' '${script}' "$@"\n`;
  fs.writeFileSync(vllm, text, { mode: 0o755 });
  return vllm;
}

/**
 * @param kind folder, empty, untrusted or engines
 * @param folder temporary folder of this window
 * @returns `{ settings, env }`
 */
export async function windowSettings({ kind, folder }) {
  const gpu = createFakeGpu(folder, GPU);
  // test/bench: what the first gauge takes is to be ours
  if (process.env.BENCH_RESULTS) answerFirstAtOnce(gpu.executable);
  const settings = {
    'vramPilot.monitor.executablePath': gpu.executable,
    'vramPilot.monitor.intervalSeconds': 1,
    // stand-ins print sizes of their own: plans of other suites are to stay exact
    'vramPilot.learning.enabled': false,
    'workbench.colorTheme': 'Default Dark Modern',
    'files.simpleDialog.enable': true,
    'remote.autoForwardPorts': false,
  };
  if (kind !== 'engines') {
    const vllm = makeVllm(folder);
    return { settings: { ...settings, 'vramPilot.vllm.executablePath': vllm }, env: {} };
  }
  const { vllm, models } = await installEngines();
  return {
    settings: {
      ...settings,
      'vramPilot.vllm.executablePath': path.join(vllm, 'bin/vllm'),
      'vramPilot.vllm.environment': engineEnvironment,
      // a pool of fixed size and no graphs: a start on the CPU then takes half a minute
      'vramPilot.vllm.extraArguments': ['--enforce-eager', '--kv-cache-memory-bytes', '16777216'],
    },
    env: { VRAM_PILOT_TEST_VLLM: vllm, VRAM_PILOT_TEST_MODELS: models },
  };
}
