/** What the CLI answers; `process.test.ts` has what only a process can show. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { writeGguf } from '../../support/modelFiles';
import {
  answerOf,
  assertRefused,
  ollamaRequest,
  removeScratch,
  runCli,
  scratch,
  scratchFile,
} from './runCli';
import { llama8bGguf } from '../../fixtures/planner/ggufs';
import { qwen4b } from '../../fixtures/planner/configs';

describe('vram-pilot', () => {
  after(removeScratch);

  describe('plan', () => {
    it('answers a request with the whole contract and the exit code of its verdict', async () => {
      const file = scratchFile('fits.json', ollamaRequest(24));
      const run = await runCli(['plan', '--request', file, '--json']);
      assert.equal(run.code, 0, run.stderr);
      const answer = answerOf(run);
      for (const key of [
        'verdict',
        'basis',
        'engineVersion',
        'perGpu',
        'kvCache',
        'utilization',
        'offload',
        'ranges',
        'advice',
        'steps',
        'command',
      ])
        assert.ok(key in answer, key);
      assert.equal(answer.verdict, 'fits');
      const command = answer.command as { file: string; args: string[] };
      assert.deepEqual([command.file, command.args[0]], ['ollama', 'serve']);
    });

    it('takes a model and flags by their engines’ own names', async () => {
      const run = await runCli(
        'plan Qwen/Qwen3-4B --gpu 24GiB --free 22GiB --max-model-len 4096 --gpu-memory-utilization auto -tp 1 --enforce-eager --engine-version 0.19.1 --python --json'.split(
          ' ',
        ),
      );
      assert.equal(run.code, 0, run.stderr);
      const answer = answerOf(run);
      assert.equal(answer.basis, 'name');
      assert.equal(answer.engineVersion, '0.19.1');
      assert.match(String(answer.python), /LLM\(/);
      const { args } = answer.command as { args: string[] };
      assert.ok(args.includes('--enforce-eager') && args.includes('4096'), args.join(' '));
      const [gpu] = answer.perGpu as { totalBytes: number; freeBytes: number }[];
      assert.deepEqual([gpu?.totalBytes, gpu?.freeBytes], [24 * 1024 ** 3, 22 * 1024 ** 3]);
    });

    it('reads a folder with a config, and prints text for people without --json', async () => {
      const folder = path.join(scratch(), 'Qwen3-4B');
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(qwen4b));
      const run = await runCli(['plan', folder, '--gpu', 'RTX 4090', '--max-model-len', '8k']);
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, /Qwen3-4B on NVIDIA GeForce RTX 4090: fits/);
      const titles = [...run.stdout.matchAll(/^([A-Z][\w ]+):$/gm)].map(([, title]) => title);
      assert.deepEqual(
        titles.filter((title) => title !== 'Advice'),
        [
          'GPU',
          'Model',
          'Memory',
          'Analysis',
          'Known results',
          'Recommended configuration',
          'Command',
          'Python',
        ],
      );
      assert.match(run.stdout, /Command:\n {2}vllm serve/);
      assert.match(run.stdout, /--max-model-len 8000/);
    });

    it('reads a .gguf file, tensor by tensor', async () => {
      const block = { type: 12, shape: [256, 1024], bytes: 147456 };
      const file = path.join(scratch(), 'tiny.gguf');
      writeGguf(file, {
        metadata: [
          ['general.architecture', 'llama'],
          ['llama.block_count', 2],
          ['llama.embedding_length', 256],
          ['llama.attention.head_count', 4],
          ['llama.attention.head_count_kv', 2],
          ['llama.context_length', 4096],
        ],
        tensors: [
          { ...block, name: 'token_embd.weight' },
          { ...block, name: 'blk.0.ffn_up.weight' },
          { ...block, name: 'blk.1.ffn_up.weight' },
          { ...block, name: 'output.weight' },
        ],
      });
      const run = await runCli(['plan', file, '--gpu', '8GiB', '--num-ctx', '2048', '--json']);
      assert.equal(run.code, 0, run.stderr);
      const answer = answerOf(run);
      assert.equal(answer.basis, 'gguf');
      assert.equal((answer.kvCache as { totalBytes: number }).totalBytes, 2 * 2048 * 2 * 128 * 2);
      const [gpu] = answer.perGpu as { weightsBytes: number }[];
      assert.equal(gpu?.weightsBytes, 3 * block.bytes);
    });

    it('asks the Ollama of this machine about a tag', async () => {
      const asked: string[] = [];
      const server = http.createServer((incoming, answer) => {
        asked.push(`${String(incoming.method)} ${String(incoming.url)}`);
        const info: Record<string, unknown> = { 'general.architecture': 'llama' };
        for (const [key, value] of Object.entries(llama8bGguf)) info[`llama.${key}`] = value;
        answer.end(JSON.stringify({ model_info: info }));
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const { port } = server.address() as AddressInfo;
      try {
        const run = await runCli(
          ['plan', 'llama3.1:8b', '--gpu', '24GiB', '--num-ctx', '8192', '--json'],
          { env: { OLLAMA_HOST: `0.0.0.0:${String(port)}` } },
        );
        assert.deepEqual(asked, ['POST /api/show']);
        const answer = answerOf(run);
        assert.equal(answer.basis, 'gguf');
        assert.equal((answer.kvCache as { totalBytes: number }).totalBytes, 1024 ** 3);
      } finally {
        server.close();
      }
    });

    it('refuses what it can’t understand with 64 and one line', async () => {
      const plan = (...args: string[]) => runCli(['plan', ...args]);
      await Promise.all([
        assertRefused(plan(), 64, /expected one NAME_OR_PATH/),
        assertRefused(plan('a', 'b'), 64, /found "a" and "b", expected one/),
        assertRefused(plan('-'), 64, /--request - for standard input/),
        assertRefused(plan('m', '--gpu', '24GiB', '--nonsense', '1'), 64, /nonsense/),
        assertRefused(plan('m', '--gpu', '24 parsecs'), 64, /--gpu: found "24 parsecs"/),
        assertRefused(plan('m', '--gpu', '24GiB', '--free', 'much'), 64, /--free: found "much"/),
        assertRefused(plan('m', '--gpu', '24GiB', '--free', '20'), 64, /--free: found "20"/),
        assertRefused(
          plan('m', '--gpu', '24GiB', '--max-model-len', 'long'),
          64,
          /--max-model-len: found "long"/,
        ),
        assertRefused(
          plan('m', '--gpu', '24GiB', '--gpu-memory-utilization', '1.5'),
          64,
          /--gpu-memory-utilization: found 1\.5, expected at most 1/,
        ),
        assertRefused(
          plan('m', '--gpu', '24GiB', '--engine', 'llama'),
          64,
          /engine: found "llama"/,
        ),
      ]);
    });

    it('says which settings are the other engine’s, and which words vLLM does not know', async () => {
      const plan = (...args: string[]) => runCli(['plan', ...args, '--gpu', '24GiB', '--json']);
      const ollama = await plan('qwen3:8b', '--max-model-len', '9000', '--dtype', 'half');
      assert.match(ollama.stderr, /--max-model-len: taken as --num-ctx\./);
      assert.match(ollama.stderr, /--dtype: Ollama has no such setting; left out\./);
      assert.equal((answerOf(ollama).kvCache as { atLength: number }).atLength, 9000);
      const vllm = await plan('org/Model-7B', '--dtype', 'huge', '--engine-version', '0.19.1');
      assert.match(vllm.stderr, /--dtype huge: vLLM knows no such value; it takes auto, /);
      const bare = await plan('llama3.2');
      assert.match(bare.stderr, /with --engine ollama/);
    });

    it('takes the address of a model’s page for its name', async () => {
      const page = 'https://hub.example/org/Model-7B/tree/main';
      const run = await runCli(['plan', page, '--gpu', '24GiB']);
      assert.match(run.stdout, /^org\/Model-7B on 24 GiB: /);
    });

    it('refuses what no card and no version can be', async () => {
      const plan = (...args: string[]) => runCli(['plan', 'org/Model-7B', ...args]);
      await Promise.all([
        assertRefused(
          plan('--gpu', '24GiB', '--free', '30GiB'),
          64,
          /at most the card's 24\.00 GiB/,
        ),
        assertRefused(plan('--gpu', '99999999GiB'), 64, /--gpu: found "99999999GiB"/),
        assertRefused(plan('--gpu', '24GiB', '--engine-version', 'new'), 64, /--engine-version/),
        assertRefused(
          plan('--gpu', '24GiB', '--max-model-len', '8.5'),
          64,
          /--max-model-len: found 8\.5, expected a whole number/,
        ),
      ]);
      const rounded = await plan('--gpu', 'RTX 4090', '--free', '24GiB', '--json');
      assert.equal(rounded.code, 0, rounded.stderr);
    });

    it('refuses wrong requests under --json as well', async () => {
      const ask = (stdin: string) => runCli(['plan', '--request', '-', '--json'], { stdin });
      await Promise.all([
        assertRefused(ask('{"engine":'), 64, /not JSON/),
        assertRefused(ask(''), 64, /standard input is empty, expected JSON/),
        assertRefused(ask('[]'), 64, /request|engine|found/),
        assertRefused(
          ask(JSON.stringify(ollamaRequest(24, { maxModelLenght: 1 }))),
          64,
          /options\.maxModelLenght: unknown key/,
        ),
        assertRefused(
          ask(JSON.stringify(ollamaRequest(24, { numCtx: 'many' }))),
          64,
          /options\.numCtx: found "many", expected/,
        ),
        assertRefused(
          ask(JSON.stringify({ ...ollamaRequest(24), gpus: [{ totalBytes: 0 }] })),
          64,
          /gpus\.0\.totalBytes: found 0, expected more than 0/,
        ),
      ]);
    });

    it('says 66 of files and folders that are missing or unreadable', async () => {
      await Promise.all([
        assertRefused(runCli(['plan', '--request', 'nowhere.json']), 66, /nowhere\.json/),
        assertRefused(runCli(['plan', '--requests', 'nowhere.jsonl']), 66, /nowhere\.jsonl/),
        assertRefused(runCli(['plan', './no/model', '--gpu', '24GiB']), 66, /no\/model/),
        assertRefused(runCli(['plan', '--request', scratch()]), 66, /folder/),
      ]);
      const away = { ...ollamaRequest(24), model: { path: '/nowhere/model.gguf' } };
      await Promise.all([
        assertRefused(
          runCli(['plan', '--request', '-'], { stdin: JSON.stringify(away) }),
          66,
          /\/nowhere\/model\.gguf/,
        ),
      ]);
    });
  });

  describe('workers', () => {
    const workers = (...args: string[]) =>
      runCli(['workers', '--total', '24GiB', '--free', '22GiB', ...args]);

    it('gives the documented example', async () => {
      const run = await workers('--json');
      assert.equal(run.code, 0);
      const { workers: count, bytesPerWorker, device, steps } = answerOf(run);
      assert.deepEqual([count, bytesPerWorker, device], [2, 4.5 * 1024 ** 3, 'cuda']);
      assert.ok(Array.isArray(steps));
    });

    it('reads a file, which wins over the preset, and refuses with 2', async () => {
      const file = scratchFile('performance.json', {
        gpu_resource_management: {
          ollama_vram_reservation_mb: 20480,
          fallback_to_cpu_when_constrained: false,
        },
      });
      const run = await workers('--config', file, '--preset', 'aggressive', '--json');
      assert.equal(run.code, 2);
      const answer = answerOf(run);
      assert.deepEqual([answer.workers, answer.bytesPerWorker, answer.device], [0, null, null]);
      assert.equal(answer.source, file);
      assert.equal(answerOf(await workers('--preset', 'ultra-conservative', '--json')).workers, 1);
    });

    it('reserves by the model that Ollama is to hold', async () => {
      const small = answerOf(await workers('--ollama-model', 'llama3.1:8b', '--json'));
      assert.equal(small.reservationBytes, 8 * 1024 ** 3);
      const large = answerOf(await workers('--ollama-model', 'qwen2.5:32b', '--json'));
      assert.deepEqual([large.reservationBytes, large.workers], [18 * 1024 ** 3, 1]);
    });

    it('prints lines for eval in a shell, and takes back what an earlier plan set', async () => {
      const run = await workers('--env');
      assert.equal(run.code, 0);
      assert.equal(
        run.stdout,
        'export VRAM_PILOT_WORKERS=2\nexport VRAM_PILOT_MIB_PER_WORKER=4608\nexport VRAM_PILOT_DEVICE=cuda\n',
      );
      assert.match(run.stderr, /GPU workers enabled: 2 workers × 4\.5 GB = 9\.0 GB total/);
      const file = scratchFile('refusing.json', {
        gpu_resource_management: {
          ollama_vram_reservation_mb: 20480,
          fallback_to_cpu_when_constrained: false,
        },
      });
      const refused = await workers('--env', '--config', file);
      assert.equal(refused.code, 2);
      assert.match(refused.stdout, /^unset VRAM_PILOT_WORKERS VRAM_PILOT_MIB_PER_WORKER /);
      assert.match(refused.stderr, /insufficient VRAM per worker/);
      assert.deepEqual(answerOf(await workers('--json')).environment, {
        VRAM_PILOT_WORKERS: '2',
        VRAM_PILOT_MIB_PER_WORKER: '4608',
        VRAM_PILOT_DEVICE: 'cuda',
      });
    });

    it('refuses wrong input', async () => {
      await Promise.all([
        assertRefused(workers('--ollama-model', 'big'), 64, /--ollama-model: found "big"/),
        assertRefused(workers('--preset', 'bold'), 64, /--preset: found "bold"/),
        assertRefused(workers('--max-workers', '0'), 64, /--max-workers: found "0"/),
        assertRefused(runCli(['workers', '--free', '1GiB']), 64, /--total/),
        assertRefused(workers('--config', 'none.json'), 66, /none\.json/),
      ]);
      const broken = scratchFile('broken.json', {
        gpu_resource_management: { safety_buffer_mb: -1 },
      });
      await Promise.all([
        assertRefused(workers('--config', broken), 64, /safety_buffer_mb: found -1/),
        assertRefused(runCli(['workers', '--json']), 64, /no GPU/),
      ]);
    });
  });

  describe('gpus', () => {
    /** A tool that answers like nvidia-smi with one card. */
    function fakeNvidiaSmi(body: string): string {
      const tools = fs.mkdtempSync(path.join(scratch(), 'tools-'));
      fs.writeFileSync(path.join(tools, 'nvidia-smi'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return tools;
    }

    it('reads a recorded output', async () => {
      const file = scratchFile(
        'smi.csv',
        'index, name, memory.total [MiB], memory.used [MiB], memory.free [MiB]\n0, NVIDIA GeForce RTX 4090, 24564 MiB, 4000 MiB, 20100 MiB\n',
      );
      const run = await runCli(['gpus', '--from', file, '--tool', 'nvidia-smi', '--json']);
      assert.equal(run.code, 0, run.stderr);
      const [gpu] = answerOf(run).gpus as { name: string; totalBytes: number }[];
      assert.equal(gpu?.name, 'NVIDIA GeForce RTX 4090');
      assert.equal(gpu.totalBytes, 24564 * 1024 ** 2);
    });

    it('says a missing or failing tool as a problem, and exits 0', async () => {
      const none = await runCli(['gpus', '--json']);
      assert.equal(none.code, 0);
      assert.deepEqual(answerOf(none).gpus, []);
      const failing = fakeNvidiaSmi(
        'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
      );
      const run = await runCli(['gpus', '--json'], { tools: failing });
      assert.equal(run.code, 0);
      const [problem] = answerOf(run).problems as { id: string }[];
      assert.equal(problem?.id, 'driver_not_loaded');
    });

    it('refuses an unknown tool, and a file that is not there', async () => {
      await Promise.all([
        assertRefused(runCli(['gpus', '--tool', 'abacus']), 64, /--tool: found "abacus"/),
        assertRefused(runCli(['gpus', '--from', 'none.txt']), 66, /none\.txt/),
      ]);
    });
  });

  describe('clean', () => {
    it('lists holders and signals nothing without --yes', async () => {
      const run = await runCli(['clean', '--json']);
      assert.equal(run.code, 0, run.stderr);
      const answer = answerOf(run);
      assert.ok(Array.isArray(answer.holders));
      assert.ok(!('ended' in answer));
      assert.match(String(answer.notes), /VRAM_PILOT_STORAGE/, 'says that it knows no launches');
    });

    it('knows the launches of the extension where their folder is named', async () => {
      const storage = fs.mkdtempSync(path.join(scratch(), 'storage-'));
      fs.mkdirSync(path.join(storage, 'launches'));
      const run = await runCli(['clean', '--json'], { env: { VRAM_PILOT_STORAGE: storage } });
      assert.equal(run.code, 0, run.stderr);
      assert.doesNotMatch(String(answerOf(run).notes), /VRAM_PILOT_STORAGE/);
    });

    it('refuses what is no process number', async () => {
      await Promise.all([
        assertRefused(runCli(['clean', '--pid', 'init', '--yes']), 64, /--pid: found "init"/),
      ]);
    });
  });

  describe('diagnose', () => {
    const LOG = [
      'INFO 10-01 12:00:00 [api_server.py:1896] vLLM API server version 0.11.0',
      'ValueError: Free memory on device (17.88/23.56 GiB) on startup is less than desired GPU memory utilization (0.8, 18.85 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.',
    ].join('\n');

    it('finds the cause in a log from a file or standard input', async () => {
      const file = scratchFile('server.log', LOG);
      for (const run of [
        await runCli(['diagnose', file, '--json']),
        await runCli(['diagnose', '-', '--engine', 'vllm', '--json'], { stdin: LOG }),
      ]) {
        assert.equal(run.code, 0, run.stderr);
        const answer = answerOf(run);
        assert.equal(answer.engine, 'vllm');
        assert.ok(answer.cause, 'a cause');
        assert.ok('outcome' in answer);
      }
    });

    it('takes the launch from a request where the log does not show it', async () => {
      const asked = scratchFile('launch.json', {
        ...ollamaRequest(24),
        engine: 'vllm',
        model: { name: 'my/model' },
        options: { maxModelLen: 4096 },
      });
      const run = await runCli(['diagnose', '-', '--request', asked, '--json'], { stdin: LOG });
      const outcome = answerOf(run).outcome as { model: string; options: { maxModelLen: number } };
      assert.deepEqual([outcome.model, outcome.options.maxModelLen], ['my/model', 4096]);
    });

    it('corrects the launch of a request by the planner, and never to what failed before', async () => {
      const sampler =
        'RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization`';
      const options = { gpuMemoryUtilization: 0.9, maxModelLen: 8192 };
      interface Answer {
        remedy: { summary: string; change: Record<string, unknown>; why: string };
        outcome: { options: object };
      }
      const diagnose = async (name: string, learned: unknown[]): Promise<Answer> => {
        const launch = {
          engine: 'vllm',
          engineVersion: '0.11.0',
          model: { name: 'my/model', config: qwen4b },
          gpus: [{ name: 'NVIDIA GeForce RTX 4090', totalBytes: 24 * 1024 ** 3 }],
          options,
          learned,
        };
        const asked = scratchFile(`${name}.json`, launch);
        const run = await runCli(['diagnose', '-', '--request', asked, '--json'], {
          stdin: sampler,
        });
        assert.equal(run.code, 0, run.stderr);
        return answerOf(run) as unknown as Answer;
      };
      const first = await diagnose('first', []);
      assert.ok(Object.keys(first.remedy.change).length > 0);
      assert.notEqual(first.remedy.summary, '');
      assert.notEqual(first.remedy.why, '');
      const tried = { ...first.outcome, options: { ...options, ...first.remedy.change } };
      const second = await diagnose('second', [tried]);
      assert.notDeepEqual(second.remedy.change, first.remedy.change);
      const third = await diagnose('third', [tried, { ...tried, options }]);
      assert.ok(Object.keys(third.remedy.change).length > 0);
      const loop = await diagnose('loop', [tried, tried, tried]);
      assert.deepEqual(loop.remedy.change, {});
      assert.match(loop.remedy.why, /in a row/);
    });

    it('refuses wrong usage and missing files', async () => {
      await Promise.all([
        assertRefused(runCli(['diagnose']), 64, /expected one LOG/),
        assertRefused(runCli(['diagnose', '-', '--engine', 'tgi']), 64, /--engine: found "tgi"/),
        assertRefused(runCli(['diagnose', 'none.log']), 66, /none\.log/),
      ]);
    });
  });

  describe('profile check', () => {
    const profiles = (maxModelLen: number) => ({
      version: 1,
      profiles: [
        {
          name: 'small',
          engine: 'vllm',
          model: 'Qwen/Qwen3-0.6B',
          options: { maxModelLen: 2048 },
          extraArguments: [],
        },
        {
          name: 'large',
          engine: 'vllm',
          model: 'org/Model-70B',
          options: { maxModelLen },
          extraArguments: [],
        },
      ],
    });

    it('exits with the worst verdict, or that of the one named', async () => {
      const file = scratchFile('profiles.json', profiles(8192));
      const all = await runCli(['profile', 'check', file, '--gpu', '24GiB', '--json']);
      assert.equal(all.code, 2, all.stderr);
      const answer = answerOf(all);
      assert.deepEqual(
        (answer.profiles as { name: string; verdict: string }[]).map(({ name, verdict }) => [
          name,
          verdict,
        ]),
        [
          ['small', 'fits'],
          ['large', 'doesNotFit'],
        ],
      );
      const one = await runCli(['profile', 'check', file, '--gpu', '24GiB', '--name', 'small']);
      assert.equal(one.code, 0, one.stderr);
    });

    it('plans with the engine flags among the extra arguments', async () => {
      const profile = { name: 'small', model: 'Qwen/Qwen3-0.6B', options: { maxModelLen: 2048 } };
      const verdictWith = async (name: string, extraArguments: string[]) => {
        const document = { version: 1, profiles: [{ ...profile, extraArguments }] };
        const file = scratchFile(name, document);
        const run = await runCli(['profile', 'check', file, '--gpu', '24GiB', '--json']);
        return [run.code, answerOf(run).verdict];
      };
      const share = '--gpu-memory-utilization';
      assert.deepEqual(await verdictWith('half.json', [share, '0.5']), [0, 'fits']);
      assert.deepEqual(await verdictWith('little.json', [share, '0.01']), [2, 'doesNotFit']);
    });

    it('refuses wrong and missing files', async () => {
      await Promise.all([
        assertRefused(runCli(['profile', 'check', 'none.json']), 66, /none\.json/),
      ]);
      const wrong = scratchFile('wrong.json', { version: 2 });
      await Promise.all([
        assertRefused(runCli(['profile', 'check', wrong, '--gpu', '24GiB']), 64, /version/),
      ]);
      const text = scratchFile('text.json', 'hello\nthere');
      await Promise.all([
        assertRefused(runCli(['profile', 'check', text, '--gpu', '24GiB']), 64, /not JSON/),
      ]);
    });
  });

  describe('the rest', () => {
    it('knows its version and its usage', async () => {
      const version = await runCli(['--version']);
      assert.deepEqual([version.code, version.stdout.trim()], [0, packageVersion()]);
      const help = await runCli(['help']);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /vram-pilot workers/);
    });

    it('lists the options of each command', async () => {
      const help = async (...args: string[]) => (await runCli(args)).stdout;
      const plan = await help('plan', '--help');
      assert.match(plan, /^ {2}--gpu 24GiB\|NAME\|auto {2,}\S/m);
      assert.match(
        plan,
        /Flags of vLLM:[^:]* --max-model-len [^:]*Flags of Ollama:[^:]* --num-ctx /,
      );
      assert.equal(await help('help', 'plan'), plan);
      assert.match(await help('profile', '--help'), /vram-pilot profile check/);
      await assertRefused(runCli(['help', 'fly']), 64, /found "fly"/);
    });

    it('refuses an unknown command, and none', async () => {
      await Promise.all([
        assertRefused(runCli(['fly']), 64, /found "fly"/),
        assertRefused(runCli(['diagnos']), 64, /did you mean diagnose\?/),
        assertRefused(runCli(['profile']), 64, /did you mean profile check\?/),
        assertRefused(runCli([]), 64, /no command/),
      ]);
    });

    it('names the flag that is wrong, and the one that was probably meant', async () => {
      await Promise.all([
        assertRefused(runCli(['plan', 'm', '--maxmodellen', '5']), 64, /mean --max-model-len\?/),
        assertRefused(runCli(['plan', 'm', '--gpu', '--json']), 64, /--gpu: found no value/),
        assertRefused(runCli(['plan', 'm', '--gpu']), 64, /--gpu: found no value/),
        assertRefused(runCli(['clean', '--yes=1']), 64, /--yes: found "1", it takes no value/),
        assertRefused(runCli(['gpus', '-x']), 64, /-x: unknown flag/),
      ]);
    });

    it('shows nothing that steers the terminal', async () => {
      const name = '\u001b[31morg/\u0007Model-7B';
      const stdin = JSON.stringify({ ...ollamaRequest(24), model: { name } });
      const shown = await runCli(['plan', '--request', '-'], { stdin });
      assert.equal(shown.stdout.startsWith('\ufffd[31morg/\ufffdModel-7B on '), true);
      await assertRefused(runCli(['diagnose', name]), 66, /^vram-pilot: \ufffd\[31m/);
    });
  });
});

function packageVersion(): string {
  const document = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string };
  return document.version;
}
