// Loads models in a real llama.cpp without their weights and reads what it prints about its memory. As a program
// (`load.mjs MODULE WISHES.json ANSWER.json`), because a failed assertion of llama.cpp ends the process.
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import { setTimeout } from 'node:timers/promises';

/** The last line of a context that came up; messages arrive from other threads, in order. */
const READY = /reserve took .* sched copies/;

const number = (text) => Number(text);

/** `size = 84.00 MiB ( 1536 cells, 7 layers, 2/2 seqs), K (f16): …` of each cache, and the recurrent state's. */
function readLoad(lines) {
  const caches = [];
  let stateMib = 0;
  let computeMib = null;
  for (const line of lines) {
    const size = /size = +([\d.]+) MiB \( *(\d+) cells, +(\d+) layers/.exec(line);
    if (size && line.includes('llama_memory_recurrent')) stateMib += number(size[1]);
    else if (size && number(size[3]) > 0)
      caches.push({ mib: number(size[1]), cells: number(size[2]) });
    const compute = /compute buffer size = +([\d.]+) MiB/.exec(line);
    if (compute) computeMib = number(compute[1]);
  }
  return { caches, stateMib, computeMib };
}

function fileMib(lines) {
  const found = /file size += ([\d.]+) (MiB|GiB)/.exec(lines.join('\n'));
  return found ? number(found[1]) * (found[2] === 'GiB' ? 1024 : 1) : null;
}

async function loadAll(module, wishes) {
  const { getLlama, LlamaLogLevel } = await import(pathToFileURL(module).href);
  let lines = [];
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    logLevel: LlamaLogLevel.debug,
    logger: (_level, message) => lines.push(message),
  });
  const { AddonModel, AddonContext } = llama._bindings;
  const printed = async (pattern) => {
    for (let tries = 0; tries < 500; tries++) {
      if (lines.some((line) => pattern.test(line))) return lines;
      await setTimeout(2);
    }
    throw new Error(`llama.cpp never said ${pattern}:\n${lines.slice(-20).join('\n')}`);
  };
  const answers = [];
  for (const { id, file, cases } of wishes) {
    lines = [];
    const model = new AddonModel(file, {
      noAlloc: true,
      useMmap: false,
      useMlock: false,
      gpuLayers: 0,
    });
    if (!(await model.init())) throw new Error(`${id} does not load:\n${lines.join('\n')}`);
    const answer = { id, fileMib: fileMib(await printed(/file size/)), loads: [] };
    for (const { wish, type } of cases) {
      lines = [];
      const context = new AddonContext(model, {
        contextSize: wish.numCtx * wish.slots,
        sequences: wish.slots,
        batchSize: wish.batch,
        flashAttention: wish.flashAttention,
        kvCacheKeyType: type,
        kvCacheValueType: type,
        threads: 1,
      });
      if (!(await context.init())) throw new Error(`${id} ${JSON.stringify(wish)} does not start`);
      answer.loads.push({ wish, ...readLoad(await printed(READY)) });
      await context.dispose();
    }
    await model.dispose();
    answers.push(answer);
  }
  return answers;
}

const [, , module, wishesFile, answerFile] = process.argv;
const answers = await loadAll(module, JSON.parse(fs.readFileSync(wishesFile, 'utf8')));
fs.writeFileSync(answerFile, JSON.stringify(answers));
// llama.cpp's threads would keep the process
process.exit(0);
