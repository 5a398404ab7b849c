#!/usr/bin/env node
/**
 * STAND-IN for `vllm serve`, for tests that must run in seconds; the real vLLM is driven by `npm run test:engines`.
 * It has the real process tree (an API server and an EngineCore that renames itself and watches nobody), prints the
 * lines of a start in the real format, binds its port only when ready, and ends as vLLM ends: SIGINT stops it, SIGTERM
 * during the start is lost, SIGKILL of the main process leaves the engine behind.
 *
 * The model's folder name chooses what happens: `…fails-kv…` ends in the error of a KV cache that is too small, the cache
 * of `…small-kv…` holds 4096 tokens and no more,
 * `…slow…` takes a minute to load, `…crashes…` loses its engine two seconds after it got ready, the engine of `…clings…`
 * outlives its terminal.
 */
import { spawn } from 'node:child_process';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

if (process.argv[2] === '--engine') {
  process.title = 'VLLM::EngineCore';
  setInterval(() => undefined, 60_000);
  process.on('SIGTERM', () => process.exit(0));
  // the terminal hangs up on the group of a dead leader; one that was started under nohup stays
  if (process.argv[3] === 'clings') process.on('SIGHUP', () => undefined);
  // a test that forgets it must not leave it behind for good
  setTimeout(() => process.exit(0), 180_000);
} else if (process.argv[2] === 'serve') {
  await serve(process.argv.slice(3));
} else {
  console.error('usage: vllm serve MODEL …');
  process.exit(2);
}

async function serve(args) {
  const model = args[0];
  const after = (flag, fallback) =>
    args.includes(flag) ? args[args.lastIndexOf(flag) + 1] : fallback;
  const port = Number(after('--port', '8000'));
  const name = after('--served-model-name', model);
  const say = (text, who = 'APIServer', level = 'INFO') => {
    const now = new Date();
    const two = (value) => String(value).padStart(2, '0');
    const at = `${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
    console.log(`(${who} pid=${process.pid}) ${level} ${at} [fake.py:1] ${text}`);
  };
  const pause = (ms) => new Promise((next) => setTimeout(next, ms));

  let engine = null;
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    say('[shutdown] API server: shutdown triggered');
    engine?.kill('SIGKILL');
    setTimeout(() => process.exit(0), 200);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', () => undefined);

  say('vLLM API server version 0.32.0');
  engine = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), '--engine', model.includes('clings') ? 'clings' : ''],
    {
      stdio: 'ignore',
    },
  );
  say('Initializing a V1 LLM engine (v0.32.0) with config: model=fake', 'EngineCore');
  say('Starting to load model fake...', 'EngineCore');
  for (let shard = 1; shard <= 4; shard++) {
    await pause(model.includes('slow') ? 15_000 : 250);
    process.stderr.write(
      `\rLoading safetensors checkpoint shards: ${shard * 25}% Completed | ${shard}/4 [00:0${shard}<00:00]`,
    );
  }
  process.stderr.write('\n');
  say('Model loading took 14.99 GiB memory and 3.2 seconds', 'EngineCore');
  const length = Number(after('--max-model-len', '8192'));
  if (model.includes('fails-kv') || (model.includes('small-kv') && length > 4096)) {
    say(
      `ValueError: To serve at least one request with the model's max seq len (${length}), (1.00 GiB KV cache is needed, which is larger than the available KV cache memory (0.50 GiB). Based on the available memory, the estimated maximum model length is 4096. Try increasing \`gpu_memory_utilization\` or decreasing \`max_model_len\` when initializing the engine.`,
      'EngineCore',
      'ERROR',
    );
    engine.kill('SIGKILL');
    console.error(
      'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
    );
    process.exit(1);
  }
  say(
    'GPU KV cache size: 32,768 tokens, Maximum concurrency for 8,192 tokens per request: 4.00x',
    'EngineCore',
  );
  say(
    'init engine (profile, create kv cache, warmup model) took 1.50 s (compilation: 0.00 s)',
    'EngineCore',
  );

  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/health') return response.end();
    if (request.url === '/version') return response.end('{"version":"0.32.0"}');
    if (request.url === '/v1/models')
      return response.end(JSON.stringify({ object: 'list', data: [{ id: name }] }));
    const message = { role: 'assistant', content: 'hello from the stand-in' };
    response.end(
      JSON.stringify({
        choices: [{ index: 0, message }],
        usage: { prompt_tokens: 3, completion_tokens: 5 },
      }),
    );
  });
  server.on('error', (error) => {
    console.error(
      `OSError: [Errno 98] ${error.code === 'EADDRINUSE' ? 'Address already in use' : error.message}`,
    );
    engine?.kill('SIGKILL');
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => console.error('INFO:     Application startup complete.'));
  engine.on('exit', () => {
    if (stopping) return;
    say(
      'EngineCore encountered a fatal error: engine core exited unexpectedly',
      'APIServer',
      'ERROR',
    );
    setTimeout(() => process.exit(0), 500);
  });
  if (model.includes('crashes')) setTimeout(() => engine.kill('SIGKILL'), 2_000);
}
