// One start of dist/extension.js without a window, in a process of its own. Prints one JSON object: what loading,
// activating and the first gauge take, and how much is kept after it and after 100 plans.
// Arguments: path of the tool to ask, folder for what is stored.
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');
const { extensionContext, plantVscode } = require('../support/vscodeStub.cjs');

const [tool, storage] = process.argv.slice(2);
plantVscode({ 'vramPilot.monitor.executablePath': tool });
// a window has loaded these long before
for (const name of ['child_process', 'fs', 'http', 'https', 'net', 'os', 'stream', 'timers', 'url'])
  require(`node:${name}`);
v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc');

const heapMb = () => {
  gc();
  return process.memoryUsage().heapUsed / 1e6;
};
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const REQUEST = {
  engine: 'vllm',
  model: { name: 'Qwen/Qwen3-8B' },
  gpus: [{ name: 'NVIDIA GeForce RTX 4090', totalBytes: 24 * 2 ** 30, freeBytes: 10 * 2 ** 30 }],
};

async function main() {
  const heapBefore = heapMb();
  const start = cpuMs();
  const extension = require(path.resolve('dist', 'extension.js'));
  const loaded = cpuMs();
  const api = extension.activate(extensionContext(storage));
  const activated = cpuMs();
  for (let turn = 0; turn < 500 && api.timings.firstGaugeMs === null; turn++)
    await new Promise((next) => setTimeout(next, 10));
  const heapActive = heapMb();
  for (let turn = 0; turn < 100; turn++)
    await api.plan({ ...REQUEST, options: { maxModelLen: 1024 + 64 * turn } });
  const { activateMs, firstGaugeMs } = api.timings;
  console.log(
    JSON.stringify({
      loadCpuMs: loaded - start,
      activateCpuMs: activated - loaded,
      activateMs,
      gaugeAfterActivationMs: firstGaugeMs - activateMs,
      heapMb: heapActive - heapBefore,
      heapAfter100PlansMb: heapMb() - heapBefore,
    }),
  );
  process.exit(0);
}

void main();
