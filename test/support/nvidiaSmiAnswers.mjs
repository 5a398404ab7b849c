// What the stand-in for nvidia-smi prints, without the process that prints it; fakeNvidiaSmi.mjs says what a state holds.
import fs from 'node:fs';

const NOT_AVAILABLE = '[N/A]';

// one call at a time
let state;
let statePath;
let mode;
let isAgain;

/**
 * @param args what the tool is called with
 * @param given the state, the path of its file, and whether this is a later round of -lms
 * @returns what it prints and exits with
 */
export function answerOf(args, given) {
  ({ state, statePath, isAgain = false } = given);
  mode = state.mode ?? 'ok';
  const failure = failureOf(mode);
  if (failure) return failure;
  const query = args.find((arg) => arg.startsWith('--query-'));
  if (args.includes('-L')) return answer(listing());
  if (args.length === 0) return answer(table());
  const [, what, fields] = /^--query-(gpu|compute-apps)=(.+)$/.exec(query ?? '') ?? [];
  if (!what)
    return answer(
      `Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n`,
      1,
    );
  const format = (args.find((arg) => arg.startsWith('--format=')) ?? '').slice(9).split(',');
  return csv(
    what === 'gpu' ? GPU_FIELDS : PROCESS_FIELDS,
    what === 'gpu' ? cards() : apps(),
    fields.split(','),
    format,
  );
}

const answer = (text, code = 0) => ({ text, code });

function failureOf(name) {
  const busId = (state.gpus?.[0]?.busId ?? '00000000:01:00.0').slice(4);
  return {
    vanish: {
      code: 9,
      text: "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n\n",
    },
    noDevices: { code: 6, text: 'No devices were found\n' },
    lostGpu: {
      code: 15,
      text: `Unable to determine the device handle for GPU ${busId}: GPU is lost.  Reboot the system to recover this GPU\n`,
    },
    driverMismatch: {
      code: 18,
      text: 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 999.02\n',
    },
  }[name];
}

/** Field → unit in csv and value. A figure the state does not give, and every one under notAvailable, is [N/A]. */
const GPU_FIELDS = {
  index: ['', (gpu) => gpu.index],
  uuid: ['', (gpu) => gpu.uuid],
  'pci.bus_id': ['', (gpu) => gpu.busId],
  driver_version: ['', () => driverVersion()],
  'memory.total': ['MiB', (gpu) => reading(gpu.totalMiB)],
  'memory.reserved': ['MiB', (gpu) => reading(gpu.reservedMiB)],
  'memory.used': ['MiB', (gpu) => reading(gpu.usedMiB)],
  'memory.free': [
    'MiB',
    (gpu) => reading(Math.max(0, gpu.totalMiB - gpu.usedMiB - gpu.reservedMiB)),
  ],
  'utilization.gpu': ['%', (gpu) => reading(gpu.utilization)],
  'temperature.gpu': ['', (gpu) => reading(gpu.temperatureC)],
  'power.draw': ['W', (gpu) => reading(gpu.powerW)?.toFixed(2)],
  'enforced.power.limit': ['W', (gpu) => reading(gpu.powerLimitW)?.toFixed(2)],
  'mig.mode.current': ['', () => undefined],
  compute_cap: ['', (gpu) => gpu.computeCapability],
  name: ['', (gpu) => gpu.name],
};

const PROCESS_FIELDS = {
  gpu_uuid: ['', (app) => app.uuid],
  pid: ['', (app) => app.pid],
  used_gpu_memory: ['MiB', (app) => reading(app.usedMiB)],
  used_memory: ['MiB', (app) => reading(app.usedMiB)],
  process_name: ['', (app) => app.name],
};

function csv(known, rows, asked, format) {
  const bad = asked.find((field) => !known[field] || state.invalidFields?.includes(field));
  if (bad !== undefined) return answer(`Field "${bad}" is not a valid field to query.\n\n`, 2);
  const units = !format.includes('nounits');
  const lines = rows.map((row) =>
    asked
      .map((field) => {
        const [unit, valueOf] = known[field];
        const value = valueOf(row);
        if (value === undefined || value === null) return NOT_AVAILABLE;
        return units && unit !== '' ? `${value} ${unit}` : String(value);
      })
      .join(', '),
  );
  const header = asked.map((field) => `${field}${known[field][0] ? ` [${known[field][0]}]` : ''}`);
  const isQuiet = format.includes('noheader') || isAgain;
  const all = isQuiet ? lines : [header.join(', '), ...lines];
  return answer(all.map((line) => `${line}\n`).join(''));
}

function reading(value) {
  return mode === 'notAvailable' ? undefined : value;
}

function driverVersion() {
  return state.driverVersion ?? '999.01';
}

function uuidOf(gpu, index) {
  return gpu.uuid ?? `GPU-fa4e0000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

function cards() {
  const live = holders();
  return (state.gpus ?? []).map((gpu, index) => {
    const held = live.filter((app) => app.gpu === index).reduce((sum, app) => sum + app.usedMiB, 0);
    return {
      ...gpu,
      index,
      uuid: uuidOf(gpu, index),
      busId: gpu.busId ?? `00000000:${String(index + 1).padStart(2, '0')}:00.0`,
      reservedMiB: gpu.reservedMiB ?? 0,
      usedMiB: Math.min(gpu.totalMiB, (gpu.usedMiB ?? 0) + held),
    };
  });
}

function apps() {
  return [...(state.processes ?? []), ...holders()].map((app) => ({
    ...app,
    uuid: uuidOf((state.gpus ?? [])[app.gpu ?? 0] ?? {}, app.gpu ?? 0),
  }));
}

function holders() {
  const rules = state.holders ?? [];
  if (rules.length === 0) return [];
  const table = readProcesses();
  const groupsOfMark = rules.some((rule) => rule.mark) ? rememberGroups(rules, table) : {};
  return rules.flatMap((rule) =>
    table
      .filter((each) => matches(rule, each, groupsOfMark))
      .map((each) => ({
        pid: each.pid,
        usedMiB: rule.usedMiB,
        gpu: rule.gpu ?? 0,
        name: rule.name ?? (each.command.split(' ')[0] || each.comm),
      })),
  );
}

function matches(rule, each, groupsOfMark) {
  const conditions = [
    rule.pid === undefined || rule.pid === each.pid,
    rule.pgid === undefined || rule.pgid === each.pgid,
    rule.sid === undefined || rule.sid === each.sid,
    rule.commandIncludes === undefined ||
      each.command.includes(rule.commandIncludes) ||
      each.comm.includes(rule.commandIncludes),
    !rule.mark || bears(each, rule.mark) || belongs(each, groupsOfMark[keyOf(rule.mark)] ?? []),
    rule.ownRun === undefined || !isOfAnotherRun(each, rule.ownRun),
  ];
  const given = [rule.pid, rule.pgid, rule.sid, rule.commandIncludes, rule.mark];
  return given.some((value) => value !== undefined) && conditions.every(Boolean);
}

function isOfAnotherRun({ ppid, startTicks }, name) {
  if (startTicks < (state.sinceTicks ?? 0)) return true;
  const environ = readOr(`/proc/${ppid}/environ`, '');
  const isOrphan = ppid <= 1 || environ === '';
  return !isOrphan && !environ.split('\0').includes(`${name}=${process.env[name] ?? ''}`);
}

function keyOf(mark) {
  return `${mark.name}=${mark.value ?? ''}`;
}

function bears(each, mark) {
  each.environ ??= readOr(`/proc/${each.pid}/environ`, '').split('\0');
  return each.environ.some((entry) =>
    mark.value === undefined
      ? entry.startsWith(`${mark.name}=`)
      : entry === `${mark.name}=${mark.value}`,
  );
}

function belongs(each, groups) {
  return groups.some((group) => group === `g${each.pgid}` || group === `s${each.sid}`);
}

/**
 * Groups and sessions in which a bearer of the mark was ever seen, kept beside the state file. Our own group and session
 * don't count: a test that starts a server without a session of its own shares them with that server.
 */
function rememberGroups(rules, table) {
  const path = `${statePath}.groups`;
  const known = JSON.parse(readOr(path, '{}'));
  const own = ownGroups();
  let changed = false;
  for (const { mark } of rules) {
    if (!mark) continue;
    const groups = (known[keyOf(mark)] ??= []);
    for (const each of table.filter((one) => bears(one, mark))) {
      for (const [group, shared] of [
        [`g${each.pgid}`, each.pgid === own.pgid],
        [`s${each.sid}`, each.sid === own.sid],
      ]) {
        if (shared || groups.includes(group)) continue;
        groups.push(group);
        changed = true;
      }
    }
  }
  if (changed) {
    fs.writeFileSync(`${path}.${process.pid}`, JSON.stringify(known));
    fs.renameSync(`${path}.${process.pid}`, path);
  }
  return known;
}

function ownGroups() {
  const [, , pgid, sid] = (/\) (.*)$/s.exec(readOr('/proc/self/stat', ''))?.[1] ?? '').split(' ');
  return { pgid: Number(pgid), sid: Number(sid) };
}

/** Every live process; a zombie holds no memory. */
function readProcesses() {
  const found = [];
  for (const entry of fs.readdirSync('/proc')) {
    // Not ourselves: we may inherit the mark.
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const stat = readOr(`/proc/${entry}/stat`, '');
    const [, comm, rest] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
    const fields = (rest ?? '').split(' ');
    const [processState, ppid, pgid, sid] = fields;
    if (!rest || processState === 'Z' || processState === 'X') continue;
    const command = readOr(`/proc/${entry}/cmdline`, '').replaceAll('\0', ' ').trim();
    found.push({
      pid: Number(entry),
      ppid: Number(ppid),
      pgid: Number(pgid),
      sid: Number(sid),
      startTicks: Number(fields[19]), // field 22 of the line, counted behind the name
      comm,
      command,
    });
  }
  return found;
}

/** Processes end while we look, and those of others can't be read. */
function readOr(path, otherwise) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function listing() {
  return cards()
    .map((gpu) => `GPU ${gpu.index}: ${gpu.name} (UUID: ${gpu.uuid})\n`)
    .join('');
}

function table() {
  const rule = `+${'-'.repeat(41)}+${'-'.repeat(24)}+${'-'.repeat(22)}+`;
  const wide = `+${'-'.repeat(89)}+`;
  const row = (left, middle, right) =>
    `| ${left.padEnd(39)} | ${middle.padStart(22)} | ${right.padStart(20)} |`;
  const shown = (value, unit) =>
    reading(value) === undefined ? 'N/A' : `${Math.round(value)}${unit}`;
  const lines = [
    wide,
    `| ${`NVIDIA-SMI ${driverVersion()}`.padEnd(34)}${`Driver Version: ${driverVersion()}`.padEnd(32)}${'CUDA Version: 13.0'.padEnd(21)} |`,
    rule,
    row(
      'GPU  Name                 Persistence-M',
      'Bus-Id          Disp.A',
      'Volatile Uncorr. ECC',
    ),
    row('Fan  Temp   Perf          Pwr:Usage/Cap', 'Memory-Usage', 'GPU-Util  Compute M.'),
    row('', '', 'MIG M.'),
    `|${'='.repeat(41)}+${'='.repeat(24)}+${'='.repeat(22)}|`,
  ];
  for (const gpu of cards()) {
    const memory =
      mode === 'notAvailable'
        ? 'Not Supported'.padEnd(22)
        : `${`${gpu.usedMiB}MiB`.padStart(9)} / ${`${gpu.totalMiB}MiB`.padStart(9)}`;
    const power = `${shown(gpu.powerW, 'W')} / ${shown(gpu.powerLimitW, 'W').padStart(5)}`;
    lines.push(
      row(
        `${String(gpu.index).padStart(3)}  ${gpu.name.slice(0, 27).padEnd(31)}Off`,
        `${gpu.busId} Off`,
        'N/A',
      ),
      row(
        `N/A ${shown(gpu.temperatureC, 'C').padStart(5)}    P8 ${power.padStart(23)}`,
        memory,
        `${shown(gpu.utilization, '%').padStart(7)}      Default`,
      ),
      row('', '', 'N/A'),
      rule,
    );
  }
  lines.push('', wide, `| ${'Processes:'.padEnd(87)} |`, `|${'='.repeat(89)}|`);
  const all = apps();
  if (all.length === 0) lines.push(`|  ${'No running processes found'.padEnd(86)} |`);
  for (const app of all) {
    const left = `${String(app.gpu ?? 0).padStart(5)}   N/A  N/A ${String(app.pid).padStart(15)}      C   `;
    lines.push(
      `|${left}${app.name.slice(0, 36).padEnd(38)}${shown(app.usedMiB, 'MiB').padStart(8)} |`,
    );
  }
  lines.push(wide);
  return lines.map((line) => `${line}\n`).join('');
}
