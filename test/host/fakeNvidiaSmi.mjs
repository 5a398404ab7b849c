// Answers `nvidia-smi --query-gpu=… / --query-compute-apps=… --format=csv[,nounits]` from the JSON file FAKE_GPUS, in
// the tool's own format: header line with units, values, exit codes. Tests change the scene by rewriting the file.
import fs from 'node:fs';

const scene = JSON.parse(fs.readFileSync(process.env.FAKE_GPUS, 'utf8'));
if (scene.delayMs) await new Promise((resolve) => setTimeout(resolve, scene.delayMs));
if (scene.error) {
  console.log(scene.error.text);
  process.exit(scene.error.exitCode);
}

const UNITS = {
  'memory.total': 'MiB',
  'memory.used': 'MiB',
  'memory.free': 'MiB',
  'memory.reserved': 'MiB',
  used_gpu_memory: 'MiB',
  used_memory: 'MiB',
  'utilization.gpu': '%',
  'utilization.memory': '%',
  'power.draw': 'W',
  'power.limit': 'W',
  'enforced.power.limit': 'W',
};

const pad = (index) => String(index).padStart(12, '0');

function cardFields(card, index) {
  return {
    index,
    uuid: `GPU-00000000-0000-0000-0000-${pad(index)}`,
    'pci.bus_id': `00000000:0${index + 1}:00.0`,
    driver_version: '595.71.05',
    'memory.total': card.totalMiB,
    'memory.used': card.usedMiB,
    'memory.free': card.totalMiB - card.usedMiB - (card.reservedMiB ?? 0),
    'memory.reserved': card.reservedMiB ?? 0,
    'utilization.gpu': card.utilizationPercent ?? 0,
    'utilization.memory': 0,
    'temperature.gpu': card.temperatureC ?? 41,
    'power.draw': (card.powerW ?? 22.5).toFixed(2),
    'power.limit': '350.00',
    'enforced.power.limit': '350.00',
    'mig.mode.current': '[N/A]',
    compute_cap: card.computeCapability ?? '8.9',
    name: card.name,
  };
}

function processFields(process) {
  return {
    gpu_uuid: `GPU-00000000-0000-0000-0000-${pad(process.gpu ?? 0)}`,
    gpu_bus_id: `00000000:0${(process.gpu ?? 0) + 1}:00.0`,
    pid: process.pid,
    used_gpu_memory: process.usedMiB ?? '[N/A]',
    used_memory: process.usedMiB ?? '[N/A]',
    process_name: process.name,
    name: process.name,
  };
}

function answer(fields, rows, hasUnits) {
  const unknown = fields.find(
    (field) => !(field in (rows[0] ?? Object.fromEntries(fields.map((f) => [f, 0])))),
  );
  if (unknown !== undefined) {
    console.log(`Field "${unknown}" is not a valid field to query.\n`);
    process.exit(2);
  }
  console.log(fields.map((f) => (UNITS[f] ? `${f} [${UNITS[f]}]` : f)).join(', '));
  for (const row of rows)
    console.log(
      fields
        .map((f) => (hasUnits && UNITS[f] && row[f] !== '[N/A]' ? `${row[f]} ${UNITS[f]}` : row[f]))
        .join(', '),
    );
}

const args = process.argv.slice(2);
const value = (name) => args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1];
const hasUnits = !value('format')?.includes('nounits');
const gpuQuery = value('query-gpu');
const processQuery = value('query-compute-apps');
if (gpuQuery) answer(gpuQuery.split(','), scene.cards.map(cardFields), hasUnits);
else if (processQuery)
  answer(processQuery.split(','), scene.processes.map(processFields), hasUnits);
else {
  console.log(`Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n`);
  process.exit(6);
}
