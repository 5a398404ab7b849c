/** Evidence about GPU holders that is not in the process table: our mark, open devices, which Pythons have vLLM. */
import type { GpuProcess } from '../../gpu/gpu';
import { LAUNCH_MARK, type ProcessInfo } from '../../processes/process';
import { isEngineRole, isServerRole, roleOf } from '../../processes/role';
import type { HolderEvidence, SelfFacts } from '../../processes/scene';
import type { Files, ProcessTable } from '../ports';

interface Looked {
  readonly table: readonly ProcessInfo[];
  readonly self: SelfFacts;
  readonly gpuProcesses: readonly GpuProcess[];
}

export async function gatherEvidence(
  doors: { readonly table: ProcessTable; readonly files: Files },
  looked: Looked,
): Promise<HolderEvidence> {
  return {
    marks: await readMarks(doors.table, looked),
    holdsGpuDevice: looked.self.inContainer ? await readDevices(doors.table, looked) : new Map(),
    listening: await readPorts(doors.table, looked),
    vllmPythons: await findVllmPythons(doors.files, looked),
  };
}

/** Environments hold secrets: only those of engine-like processes of this user are opened, and only for our own variable. */
async function readMarks(
  table: ProcessTable,
  { table: rows, self }: Looked,
): Promise<ReadonlyMap<number, string>> {
  const marks = new Map<number, string>();
  for (const process of rows) {
    const role = roleOf(process);
    if (process.uid !== self.uid || !(isEngineRole(role) || isServerRole(role))) continue;
    const launchId = await table.environmentValue(process.pid, LAUNCH_MARK);
    if (launchId !== null) marks.set(process.pid, launchId);
  }
  return marks;
}

async function readPorts(
  table: ProcessTable,
  { table: rows, self }: Looked,
): Promise<ReadonlyMap<number, readonly number[]>> {
  const ports = new Map<number, readonly number[]>();
  const engineGroups = new Set(
    rows.filter((process) => isEngineRole(roleOf(process))).flatMap(({ pgid }) => pgid ?? []),
  );
  for (const process of rows) {
    const role = roleOf(process);
    const isBeside = role === 'other' && process.pgid !== null && engineGroups.has(process.pgid);
    if (process.uid === self.uid && (isServerRole(role) || isBeside))
      ports.set(process.pid, await table.listeningPorts(process.pid));
  }
  return ports;
}

async function readDevices(
  table: ProcessTable,
  { gpuProcesses }: Looked,
): Promise<ReadonlyMap<number, boolean>> {
  const holds = new Map<number, boolean>();
  for (const { pid } of gpuProcesses) {
    const answer = await table.holdsGpuDevice(pid);
    if (answer !== null) holds.set(pid, answer);
  }
  return holds;
}

/** `<venv>/bin/python` → is there `<venv>/lib/python3.x/site-packages/vllm`? Asked for half-started engines only. */
async function findVllmPythons(
  files: Files,
  { table, gpuProcesses }: Looked,
): Promise<ReadonlySet<string>> {
  const holding = new Set(gpuProcesses.map(({ pid }) => pid));
  const candidates = new Set(
    table
      .filter((process) => holding.has(process.pid) && roleOf(process) === 'spawned')
      .map(({ args }) => args[0] ?? ''),
  );
  const found = new Set<string>();
  for (const python of candidates) {
    const root = /^(\/.+)\/bin\/[^/]+$/.exec(python)?.[1];
    if (root === undefined) continue;
    const lib = files.join(root, 'lib');
    const versions = (await files.list(lib)).filter((name) => name.startsWith('python3'));
    for (const version of versions)
      if (await files.stat(files.join(lib, version, 'site-packages', 'vllm'))) found.add(python);
  }
  return found;
}
