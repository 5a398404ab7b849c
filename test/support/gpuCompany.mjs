// Processes of several kinds that a stand-in GPU can be told to be held by: a notebook's kernel, a desktop, a training.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const WAIT = 'while :; do sleep 60; done';

/** Starts them; `rows` as `processes` of the stand-in's state want them, `end` ends them all. */
export function startGpuCompany(folder) {
  const bin = path.join(folder, 'company');
  fs.mkdirSync(bin, { recursive: true });
  const screen = path.join(bin, 'Xorg');
  fs.copyFileSync('/bin/sleep', screen);
  fs.chmodSync(screen, 0o755);
  const training = path.join(bin, 'train_lora.py');
  const company = [
    {
      name: 'kernel',
      gpu: 1,
      usedMiB: 3072,
      child: run('bash', ['-c', WAIT, 'ipykernel_launcher']),
    },
    { name: 'screen', gpu: 0, usedMiB: 612, child: run(screen, ['3600']) },
    { name: 'training', gpu: 1, usedMiB: 9830, child: run('bash', ['-c', WAIT, training]) },
  ];
  return {
    rows: company.map(({ name, gpu, usedMiB, child: { pid } }) => ({ pid, usedMiB, name, gpu })),
    pidOf: (name) => company.find((one) => one.name === name)?.child.pid,
    end: () => company.forEach(({ child }) => killGroup(child.pid)),
  };
}

/** A group of its own, so that what it waits with goes, too. */
function run(file, args) {
  return spawn(file, args, { detached: true, stdio: 'ignore' });
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone
  }
}
