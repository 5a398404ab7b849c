// Settings and environment of each kind of test window.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { engineEnvironment, installEngines } from '../engines/install.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

const SCENE = {
  cards: [{ name: 'NVIDIA GeForce RTX 4090', totalMiB: 24564, usedMiB: 1474, reservedMiB: 434 }],
  processes: [{ pid: 1, name: '/usr/bin/kwin_wayland', usedMiB: 420 }],
};

/** A program called nvidia-smi that shows the scene in a file of this window. */
function installFakeTool(folder) {
  const scene = path.join(folder, 'gpus.json');
  fs.writeFileSync(scene, JSON.stringify(SCENE));
  const tool = path.join(folder, 'bin/nvidia-smi');
  fs.mkdirSync(path.dirname(tool));
  const script = path.join(here, 'fakeNvidiaSmi.mjs');
  fs.writeFileSync(tool, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
  fs.chmodSync(tool, 0o755);
  return { scene, tool };
}

/**
 * @param kind folder, empty, untrusted or engines
 * @param folder temporary folder of this window
 * @returns `{ settings, env }`
 */
export async function windowSettings({ kind, folder }) {
  const { scene, tool } = installFakeTool(folder);
  const settings = {
    'vramPilot.monitor.executablePath': tool,
    'vramPilot.monitor.intervalSeconds': 1,
  };
  const env = { FAKE_GPUS: scene };
  if (kind !== 'engines') {
    const vllm = path.join(here, '../support/fakeVllm.mjs');
    return { settings: { ...settings, 'vramPilot.vllm.executablePath': vllm }, env };
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
    env: { ...env, VRAM_PILOT_TEST_VLLM: vllm, VRAM_PILOT_TEST_MODELS: models },
  };
}
