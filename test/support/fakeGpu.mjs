// Controls the stand-in for nvidia-smi (fakeNvidiaSmi.mjs); see fakeGpu.d.mts for what its state may hold.
import fs from 'node:fs';
import path from 'node:path';

/** A 24 GB desktop card with a desktop on it. */
const DEFAULT_CARD = {
  name: 'NVIDIA GeForce RTX 4090',
  totalMiB: 24564,
  usedMiB: 612,
  reservedMiB: 420,
  utilization: 3,
  temperatureC: 41,
  powerW: 24.5,
  powerLimitW: 450,
  computeCapability: '8.9',
};

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const statePathIn = (folder) => path.join(folder, 'fakeGpu.json');

export function createFakeGpu(
  folder,
  initial = {},
  script = path.resolve('test', 'support', 'fakeNvidiaSmi.mjs'),
) {
  // In an extension host execPath is Electron, which the variable turns into plain Node.
  const environment = `ELECTRON_RUN_AS_NODE=1 FAKE_NVIDIA_SMI_STATE=${quoted(statePathIn(folder))}`;
  const command = `exec env ${environment} ${quoted(process.execPath)} ${quoted(script)} "$@"`;
  const text = `#!/bin/sh\n# Stand-in for nvidia-smi, made by tests.\n${command}\n`;
  fs.writeFileSync(path.join(folder, 'nvidia-smi'), text, { mode: 0o755 });
  save(folder, { gpus: [DEFAULT_CARD], sinceTicks: ticksSinceBoot(), ...initial });
  return openFakeGpu(folder);
}

/** Clock ticks (100 a second on Linux), or null where the system has no /proc. */
function ticksSinceBoot() {
  try {
    return Math.floor(100 * Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]));
  } catch {
    return null;
  }
}

export function openFakeGpu(folder) {
  const state = () => JSON.parse(fs.readFileSync(statePathIn(folder), 'utf8'));
  return {
    executable: path.join(folder, 'nvidia-smi'),
    state,
    setState: (patch) => save(folder, { ...state(), ...patch }),
  };
}

function save(folder, state) {
  const file = statePathIn(folder);
  // Renamed into place: a call under way must not read half a file.
  fs.writeFileSync(`${file}.new`, JSON.stringify(state));
  fs.renameSync(`${file}.new`, file);
}
