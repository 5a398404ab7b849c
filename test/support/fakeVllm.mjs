#!/usr/bin/env node
/**
 * STAND-IN for `vllm serve`, for tests that must run in seconds; the real vLLM is driven by `npm run test:engines`.
 * It has the real process tree (an API server and an EngineCore that renames itself and watches nobody), prints the
 * lines of a start in the real format, binds its port only when ready, and ends as vLLM ends: SIGINT stops it, SIGTERM
 * during the start is lost, SIGKILL of the main process leaves the engine behind.
 *
 * The model's folder name chooses what happens: `…fails-kv…` ends in the error of a KV cache that is too small, the cache
 * of `…small-kv…` holds 4096 tokens and no more,
 * `…held…` loads until there is a file `go` in that folder, `…base…` has no chat template, `…embeds…` makes embeddings
 * only, the engine of `…clings…` outlives its terminal, `…outlives…` does so as a whole (as under nohup).
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

if (process.argv[2] === '--engine') {
  process.title = 'VLLM::EngineCore';
  setInterval(() => undefined, 60_000);
  process.on('SIGTERM', () => process.exit(0));
  // the terminal hangs up on the group of a dead leader; one that was started under nohup stays
  if (process.argv[3] === 'clings') process.on('SIGHUP', () => undefined);
  process.stdout.write('up\n');
  // a test that forgets it must not leave it behind for good
  setTimeout(() => process.exit(0), 900_000);
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
    setTimeout(() => process.exit(0), 50);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', () => undefined);
  if (model.includes('outlives')) {
    process.on('SIGHUP', () => undefined);
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  }

  say('vLLM API server version 0.32.0');
  engine = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), '--engine', /clings|outlives/.test(model) ? 'clings' : ''],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  // before that a hang-up would end it, whatever its name says
  const isUp = new Promise((next) => {
    engine.stdout.once('data', next);
    engine.once('exit', next);
  });
  say('Initializing a V1 LLM engine (v0.32.0) with config: model=fake', 'EngineCore');
  await isUp;
  say('Starting to load model fake...', 'EngineCore');
  const isHeld = () => model.includes('held') && !fs.existsSync(path.join(model, 'go'));
  for (let shard = 1; shard <= 4; shard++) {
    do await pause(50);
    while (isHeld());
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

  const load = { running: 0, preemptions: 0, promptTokens: 0 };
  const key = after('--api-key', process.env.VLLM_API_KEY ?? '');
  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const { pathname } = new URL(request.url, 'http://vllm');
    if (pathname === '/health') return response.end();
    if (pathname === '/version') return response.end('{"version":"0.32.0"}');
    if (pathname === '/metrics') return response.end(metrics(load));
    if (key !== '' && request.headers.authorization !== `Bearer ${key}`) {
      response.statusCode = 401;
      return response.end('{"error":"Unauthorized"}');
    }
    if (pathname === '/v1/models')
      return response.end(JSON.stringify({ object: 'list', data: [{ id: name }] }));
    const takes = model.includes('embeds')
      ? ['/v1/embeddings']
      : ['/v1/chat/completions', '/v1/completions'];
    if (!takes.includes(pathname)) {
      response.statusCode = 404;
      return response.end('{"detail":"Not Found"}');
    }
    void prompt(request, response, { name, load, hasTemplate: !model.includes('base') });
  });
  server.on('error', (error) => {
    console.error(
      `OSError: [Errno 98] ${error.code === 'EADDRINUSE' ? 'Address already in use' : error.message}`,
    );
    engine?.kill('SIGKILL');
    process.exit(1);
  });
  server.listen(port, after('--host', '127.0.0.1'), () =>
    console.error('INFO:     Application startup complete.'),
  );
  engine.on('exit', () => {
    if (stopping) return;
    say(
      'EngineCore encountered a fatal error: engine core exited unexpectedly',
      'APIServer',
      'ERROR',
    );
    setTimeout(() => process.exit(0), 100);
  });
}

/** Of a pool of 32,768 tokens; each running request holds what it was asked. */
function metrics({ running, preemptions, promptTokens }) {
  const gauge = (name, value) => `vllm:${name}{engine="0",model_name="fake"} ${value}\n`;
  return [
    gauge('num_requests_running', running),
    gauge('num_requests_waiting', 0),
    gauge('kv_cache_usage_perc', Math.min(1, promptTokens / 32_768)),
    gauge('num_preemptions_total', preemptions),
  ].join('');
}

/** A word is a token, and comes every 2 ms; streamed as events, the usage in the last one before the end. */
async function prompt(request, response, { name, load, hasTemplate }) {
  let text = '';
  for await (const chunk of request) text += chunk;
  const body = JSON.parse(text);
  const refuse = (message) => {
    response.statusCode = 400;
    response.end(JSON.stringify({ error: { message, type: 'BadRequestError', code: 400 } }));
  };
  const asked = body.messages?.at(-1)?.content ?? body.prompt ?? body.input;
  const promptTokens = asked.split(' ').length;
  const usage = (completionTokens) => ({
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  });
  if (body.input !== undefined) {
    const data = [{ object: 'embedding', index: 0, embedding: [0.6, 0.8] }];
    return response.end(JSON.stringify({ object: 'list', model: name, data, usage: usage(0) }));
  }
  if (body.messages && !hasTemplate)
    return refuse(
      'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template.',
    );
  const said = 'hello from the stand-in'.split(' ');
  const count = body.ignore_eos ? body.max_tokens : said.length;
  const words = Array.from(
    { length: count },
    (_, at) => `${at === 0 ? '' : ' '}${said[at % said.length]}`,
  );
  if (!body.stream) {
    const content = words.join('');
    const choice = body.messages ? { message: { role: 'assistant', content } } : { text: content };
    return response.end(
      JSON.stringify({ choices: [{ index: 0, ...choice }], usage: usage(count) }),
    );
  }
  response.setHeader('content-type', 'text/event-stream; charset=utf-8');
  const send = (event) => response.write(`data: ${JSON.stringify({ model: name, ...event })}\n\n`);
  const piece = (content) => (body.messages ? { delta: { content } } : { text: content });
  load.running++;
  load.promptTokens += promptTokens;
  response.once('close', () => {
    load.running--;
    load.promptTokens -= promptTokens;
  });
  if (body.messages) send({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] });
  // a load is quicker than an answer that is read
  const tokenMs = body.ignore_eos ? 2 : 20;
  for (const word of words) {
    await new Promise((next) => setTimeout(next, tokenMs));
    if (response.destroyed) return;
    send({ choices: [{ index: 0, ...piece(word), finish_reason: null }] });
  }
  if (body.stream_options?.include_usage) send({ choices: [], usage: usage(count) });
  response.end('data: [DONE]\n\n');
}
