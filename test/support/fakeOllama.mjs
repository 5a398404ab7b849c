#!/usr/bin/env node
/**
 * STAND-IN for `ollama serve` (0.32.15), for tests that must run in seconds; a real one is driven by
 * `npm run test:engines` with VRAM_PILOT_OLLAMA=URL. It answers the API in the real formats, prints the lines of a start
 * and of a load, and has the real process tree: one runner per loaded model, which the daemon ends when it is asked to
 * end (SIGINT, SIGTERM: exit code 0) and leaves behind when it is killed. As the real one it lists a model only when
 * its load has ended, goes on listing one whose runner was killed, and gives a load up when the client leaves.
 *
 * OLLAMA_HOST says where it listens. The model's name decides what a load does: `…-half` puts half of it on the GPU,
 * `…-cpu` nothing, `…-broken` fails with 500, `…-slow` takes 3 s; `…-embed` refuses generate and loads by embed;
 * `…-dropped` ends in a broken connection, `…-fatal` in the death of the daemon. `tiny-alias` is `tiny` under another
 * name. `fresh` and `fresh-slow` can be pulled (0.3 s, 3 s), nothing else can.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '0.32.15';
const LIBRARY = [
  'tiny',
  'tiny2',
  'tiny-half',
  'tiny-cpu',
  'tiny-broken',
  'tiny-slow',
  'tiny-embed',
  'tiny-dropped',
  'tiny-fatal',
  'tiny-alias',
];
const REGISTRY = ['fresh', 'fresh-slow'];
const MIB = 1024 ** 2;
const SIZES_MIB = { model: 1024, kv: 256, compute: 128 };
const DEFAULT_CONTEXT = 4096;
const DEFAULT_KEEP_MS = 5 * 60_000;
/** A test that forgets it must not leave it behind for good. */
const LIFETIME_MS = 900_000;

const self = fileURLToPath(import.meta.url);
const [mode, ...rest] = process.argv.slice(2);
if (mode === '--version' || mode === '-v') console.log(`ollama version is ${VERSION}`);
else if (mode === 'serve') serve();
else if (mode === '--model') run(rest);
else {
  console.error('Error: unknown command for "ollama"');
  process.exit(1);
}

/** The runner: holds what the daemon loaded until it is ended. */
function run() {
  process.on('SIGTERM', () => process.exit(0));
  setTimeout(() => process.exit(0), LIFETIME_MS);
}

function serve() {
  const { host, port } = address(process.env.OLLAMA_HOST ?? '');
  /** By weights: `{ runner, entry, expiry }`; `entry` is what /api/ps lists, under the name that loaded it. */
  const loaded = new Map();
  /** By weights: `{ runner, done, waiting }`. */
  const loading = new Map();

  const server = http.createServer((request, response) => {
    const startedAt = process.hrtime.bigint();
    response.on('close', () => {
      const status = response.writableFinished ? response.statusCode : 499;
      const tookMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
      const at = new Date().toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' - ');
      process.stderr.write(
        `[GIN] ${at} | ${status} | ${`${tookMs.toFixed(6)}ms`.padStart(12)} | ${'127.0.0.1'.padStart(15)} | ${request.method.padEnd(8)} "${request.url}"\n`,
      );
    });
    void answer(request, response).catch((error) =>
      send(response, 500, { error: `stand-in: ${error.stack}` }),
    );
  });

  server.on('error', (error) => {
    const why =
      error.code === 'EADDRINUSE'
        ? `listen tcp ${host}:${port}: bind: address already in use`
        : error.message;
    console.error(`Error: ${why}`);
    process.exit(1);
  });
  server.listen(port, host, () => {
    log('INFO', 'routes.go:1951', 'server config', `env="map[OLLAMA_HOST:http://${host}:${port}]"`);
    log('INFO', 'routes.go:2008', `Listening on ${host}:${port} (version ${VERSION})`);
    log('INFO', 'runner.go:60', 'discovering available GPUs...');
    log(
      'INFO',
      'types.go:50',
      'inference compute',
      'id=GPU-fa4e0000-0000-4000-8000-000000000000 library=CUDA compute=8.9 name=CUDA0 description="NVIDIA GeForce RTX 4090" libdirs=ollama,cuda_v13 driver=13.0 pci_id=0000:01:00.0 type=discrete total="24.0 GiB" available="22.5 GiB"',
    );
  });

  const end = () => {
    for (const { runner } of [...loaded.values(), ...loading.values()]) runner.kill('SIGTERM');
    process.exit(0);
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  setTimeout(end, LIFETIME_MS);

  async function answer(request, response) {
    const route = `${request.method} ${new URL(request.url, 'http://ollama').pathname}`;
    const handler = ROUTES[route];
    if (!handler) {
      const known = Object.keys(ROUTES).some((one) => one.endsWith(` ${route.split(' ')[1]}`));
      return plain(
        response,
        known ? 405 : 404,
        `${known ? 405 : 404} ${known ? 'method not allowed' : 'page not found'}`,
      );
    }
    if (request.method !== 'POST') return handler({ response });
    let text = '';
    for await (const chunk of request) text += chunk;
    if (text === '') return send(response, 400, { error: 'missing request body' });
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      const found = text.trimStart().charAt(1);
      return send(response, 400, {
        error: `invalid character '${found}' looking for beginning of object key string`,
      });
    }
    return handler({ response, body });
  }

  const ROUTES = {
    'GET /': ({ response }) => plain(response, 200, 'Ollama is running'),
    'HEAD /': ({ response }) => plain(response, 200, ''),
    'GET /api/version': ({ response }) => send(response, 200, { version: VERSION }),
    'GET /api/tags': ({ response }) => send(response, 200, { models: LIBRARY.map(tagOf) }),
    'GET /api/ps': ({ response }) =>
      send(response, 200, { models: [...loaded.values()].map(({ entry }) => entry) }),
    'POST /api/show': ({ response, body }) => {
      const name = fullName(body.model ?? body.name ?? '');
      if (!knows(name)) return send(response, 404, { error: `model '${name}' not found` });
      return send(response, 200, shown(name, body.verbose === true));
    },
    'POST /api/pull': ({ response, body }) => pull(response, body.model ?? body.name ?? ''),
    'POST /api/generate': ({ response, body }) => generate(response, body),
    'POST /api/chat': ({ response, body }) => chat(response, body),
    'POST /api/embed': async ({ response, body }) => {
      const name = fullName(body.model ?? '');
      if (!knows(name)) return notFound(response, body.model);
      const keepMs = keepAlive(body.keep_alive);
      if (keepMs instanceof Error) return send(response, 400, { error: keepMs.message });
      const failure = await load(name, keepMs, body.options, response);
      if (failure) return send(response, 500, { error: failure });
      const inputs = [body.input ?? []].flat();
      return send(response, 200, { model: body.model, embeddings: inputs.map(() => [0.6, 0.8]) });
    },
  };

  /** Streams as the real one, given up when the client leaves. */
  async function pull(response, asked) {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const say = (line) => response.write(`${JSON.stringify(line)}\n`);
    say({ status: 'pulling manifest' });
    const short = REGISTRY.find((one) => fullName(one) === fullName(asked));
    if (!short) {
      say({ error: 'pull model manifest: file does not exist' });
      return response.end();
    }
    const digest = `sha256:${weightsDigest(fullName(short))}`;
    const status = `pulling ${digest.slice(7, 19)}`;
    const total = SIZES_MIB.model * MIB;
    const steps = behaves(fullName(short), 'slow') ? 30 : 3;
    for (let step = 1; step <= steps; step++) {
      await new Promise((next) => setTimeout(next, 100));
      if (response.destroyed) return;
      say({ status, digest, total, completed: Math.round((total * step) / steps) });
    }
    for (const last of ['verifying sha256 digest', 'writing manifest', 'success'])
      say({ status: last });
    if (!LIBRARY.includes(short)) LIBRARY.push(short);
    return response.end();
  }

  async function generate(response, body) {
    const name = fullName(body.model ?? '');
    if (!knows(name)) return notFound(response, body.model);
    const keepMs = keepAlive(body.keep_alive);
    if (keepMs instanceof Error) return send(response, 400, { error: keepMs.message });
    if (body.options?.num_ctx !== undefined && !Number.isInteger(body.options.num_ctx)) {
      return send(response, 500, { error: 'option "num_ctx" must be of type integer' });
    }
    const isEmpty = (body.prompt ?? '') === '';
    const created = { model: body.model, created_at: new Date().toISOString() };
    if (isEmpty && keepMs === 0) {
      unload(name);
      return send(response, 200, { ...created, response: '', done: true, done_reason: 'unload' });
    }
    if (behaves(name, 'embed')) {
      return send(response, 400, { error: `"${body.model}" does not support generate` });
    }
    const failure = await load(name, keepMs, body.options, response);
    if (behaves(name, 'dropped')) return response.destroy();
    if (behaves(name, 'fatal')) return process.kill(process.pid, 'SIGKILL');
    if (failure) return send(response, 500, { error: failure });
    return send(response, 200, {
      ...created,
      response: isEmpty ? '' : 'hello from the stand-in',
      done: true,
      done_reason: isEmpty ? 'load' : 'stop',
      ...(!isEmpty && { prompt_eval_count: 3, eval_count: 5 }),
    });
  }

  /** Streams unless told not to; loads anew where the context is another, as the real one does. */
  async function chat(response, body) {
    const name = fullName(body.model ?? '');
    if (!knows(name)) return notFound(response, body.model);
    const keepMs = keepAlive(body.keep_alive);
    if (keepMs instanceof Error) return send(response, 400, { error: keepMs.message });
    if (behaves(name, 'embed'))
      return send(response, 400, { error: `"${body.model}" does not support chat` });
    const failure = await load(name, keepMs, body.options, response);
    if (failure) return send(response, 500, { error: failure });
    const said = ['hello', ' from', ' the', ' stand-in'];
    const line = (content, rest) => ({
      model: body.model,
      created_at: new Date().toISOString(),
      message: { role: 'assistant', content },
      ...rest,
    });
    const last = {
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 3,
      eval_count: 5,
      eval_duration: 125_000_000,
    };
    if (body.stream === false) return send(response, 200, line(said.join(''), last));
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const word of said) {
      response.write(`${JSON.stringify(line(word, { done: false }))}\n`);
      await new Promise((next) => setTimeout(next, 5));
    }
    return response.end(`${JSON.stringify(line('', last))}\n`);
  }

  /** The error's text; null when it is loaded. Answered only when the load has ended, whoever else asked for it. */
  function load(name, keepMs, options, response) {
    const cells = options?.num_ctx ?? DEFAULT_CONTEXT;
    const there = loaded.get(weightsDigest(name));
    if (there && there.entry.context_length === cells) {
      keep(name, keepMs);
      return null;
    }
    if (there) unload(name);
    const known = loading.get(weightsDigest(name)) ?? begin(name, cells, keepMs);
    known.waiting.add(response);
    response.on('close', () => {
      known.waiting.delete(response);
      if (response.writableFinished || known.waiting.size > 0) return;
      if (!loading.has(weightsDigest(name))) return;
      log(
        'WARN',
        'llama_server.go:1309',
        'client connection closed before llama-server finished loading, aborting load',
      );
      loading.delete(weightsDigest(name));
      known.runner.kill('SIGKILL');
    });
    return known.done;
  }

  function begin(name, cells, keepMs) {
    const blob = blobOf(name);
    const parallel = Number(process.env.OLLAMA_NUM_PARALLEL ?? 1);
    const kvType = process.env.OLLAMA_KV_CACHE_TYPE ?? '';
    const runnerPort = 42_059;
    const program = path.join(path.dirname(self), 'lib/ollama/llama-server');
    const args = [
      '--model',
      blob,
      '--port',
      `${runnerPort}`,
      '--host',
      '127.0.0.1',
      '--no-webui',
      '--offline',
      '-c',
      `${cells * parallel}`,
      '-np',
      `${parallel}`,
      ...(kvType === '' ? [] : ['--cache-type-k', kvType, '--cache-type-v', kvType]),
      '--flash-attn',
      { 1: 'on', 0: 'off' }[process.env.OLLAMA_FLASH_ATTENTION] ?? 'auto',
    ];
    log(
      'INFO',
      'llama_server.go:433',
      'starting llama-server',
      `cmd="${program} ${args.join(' ')}"`,
    );
    // the name it is called by is how a real runner is recognised
    const runner = spawn(process.execPath, [self, ...args], { argv0: program, stdio: 'ignore' });
    const done = new Promise((settle) => {
      setTimeout(
        () => {
          if (loading.get(weightsDigest(name))?.runner !== runner)
            return settle('context canceled');
          loading.delete(weightsDigest(name));
          settle(
            behaves(name, 'broken')
              ? fail(name, blob, runner)
              : finish(name, cells, runner, keepMs),
          );
        },
        behaves(name, 'slow') ? 3_000 : 300,
      );
    });
    const begun = { runner, done, waiting: new Set() };
    loading.set(weightsDigest(name), begun);
    return begun;
  }

  function fail(name, blob, runner) {
    runner.kill('SIGKILL');
    const why = [
      "error loading model: check_tensor_dims: tensor 'blk.2.attn_norm.weight' not found",
      'llama_model_load_from_file_impl: failed to load model',
    ];
    for (const line of why) process.stderr.write(`${line}\n`);
    const error = `llama-server process has terminated: exit status 1: ${why.join('\n')}`;
    log('ERROR', 'llama_server.go:1023', 'llama-server terminated', 'error="exit status 1" exit=1');
    log(
      'INFO',
      'sched.go:641',
      'Load failed',
      `model=${blob} error="${error.replaceAll('\n', '\\n')}"`,
    );
    return error;
  }

  function finish(name, cells, runner, keepMs) {
    const share = behaves(name, 'cpu') ? 0 : behaves(name, 'half') ? 0.5 : 1;
    const size = Object.values(SIZES_MIB).reduce((sum, each) => sum + each, 0) * MIB;
    const line = (what, mib) => {
      for (const [device, part] of [
        ['CUDA0', share],
        ['CPU', 1 - share],
      ]) {
        if (part > 0)
          process.stderr.write(
            `${what.replace('*', device)} = ${(mib * part).toFixed(2).padStart(8)} MiB\n`,
          );
      }
    };
    line('load_tensors: * model buffer size', SIZES_MIB.model);
    line('llama_kv_cache: * KV buffer size', SIZES_MIB.kv);
    line('sched_reserve: * compute buffer size', SIZES_MIB.compute);
    log('INFO', 'llama_server.go:1362', 'llama-server started in 0.30 seconds');
    const { details, digest } = tagOf(name);
    const { context_length: _, embedding_length: __, ...short } = details;
    const entry = {
      name,
      model: name,
      size,
      digest,
      details: short,
      expires_at: '',
      size_vram: size * share,
      context_length: cells,
    };
    loaded.set(weightsDigest(name), { runner, entry, expiry: undefined });
    keep(name, keepMs);
    return null;
  }

  function keep(name, keepMs) {
    const model = loaded.get(weightsDigest(name));
    clearTimeout(model.expiry);
    const forEver = !Number.isFinite(keepMs);
    const ends = forEver ? new Date('2319-03-03T12:00:00Z') : new Date(Date.now() + keepMs);
    model.entry.expires_at = ends.toISOString();
    if (!forEver) model.expiry = setTimeout(() => unload(name), keepMs);
  }

  function unload(name) {
    const model = loaded.get(weightsDigest(name));
    if (!model) return;
    clearTimeout(model.expiry);
    loaded.delete(weightsDigest(name));
    model.runner.kill('SIGTERM');
  }
}

function log(level, source, message, rest = '') {
  const fields = `level=${level} source=${source} msg="${message}"`;
  process.stderr.write(`time=${new Date().toISOString()} ${fields}${rest && ` ${rest}`}\n`);
}

function send(response, status, body) {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function plain(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

function notFound(response, asked = '') {
  return send(response, 404, { error: `model '${asked}' not found` });
}

/** `[scheme://]host[:port]`, each part with Ollama's own default. */
function address(text) {
  const [, host, port] = /^(?:https?:\/\/)?(\[[^\]]+\]|[^:/]*)(?::(\d+))?/.exec(text) ?? [];
  return { host: (host || '127.0.0.1').replace(/^\[|\]$/g, ''), port: Number(port ?? 11434) };
}

/** Milliseconds, or the error that Ollama answers with. A number means seconds; below 0 is for ever. */
function keepAlive(given) {
  if (given === undefined || given === null) return DEFAULT_KEEP_MS;
  if (typeof given === 'number') return given < 0 ? Infinity : given * 1000;
  if (typeof given !== 'string')
    return new Error(`Unsupported type: '${given === true ? 'bool' : typeof given}'`);
  const [, amount, unit] = /^(-?[\d.]+)(ms|s|m|h)?$/.exec(given) ?? [];
  if (amount === undefined) return new Error(`time: invalid duration "${given}"`);
  if (unit === undefined && Number(amount) !== 0) {
    return new Error(`time: missing unit in duration "${given}"`);
  }
  const ms = Number(amount) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? 's'];
  return ms < 0 ? Infinity : ms;
}

function fullName(name) {
  return name === '' || name.includes(':') ? name : `${name}:latest`;
}

function knows(name) {
  return LIBRARY.some((one) => fullName(one) === name);
}

function behaves(name, how) {
  return name.replace(/:.*/, '').endsWith(`-${how}`);
}

function digestOf(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** Names for the same file share one runner. */
function weightsDigest(name) {
  return digestOf(`${name.replace(/-alias\b/, '')} weights`);
}

function blobOf(name) {
  return `/models/blobs/sha256-${weightsDigest(name)}`;
}

function tagOf(short) {
  const name = fullName(short);
  return {
    name,
    model: name,
    modified_at: '2026-01-02T03:04:05.678901234Z',
    size: SIZES_MIB.model * MIB,
    digest: digestOf(name),
    details: {
      parent_model: '',
      format: 'gguf',
      family: 'llama',
      families: ['llama'],
      parameter_size: '537M',
      quantization_level: 'F16',
      context_length: 8192,
      embedding_length: 2048,
    },
    capabilities: [behaves(name, 'embed') ? 'embedding' : 'completion'],
  };
}

/** A plain dense model; its tensors sum up to what the tag's size says, roughly. */
function shown(name, verbose) {
  const blocks = 8;
  const width = 2048;
  const vocabulary = 16_384;
  const tensors = [
    { name: 'token_embd.weight', type: 'F16', shape: [width, vocabulary] },
    { name: 'output.weight', type: 'F16', shape: [width, vocabulary] },
    { name: 'output_norm.weight', type: 'F32', shape: [width] },
  ];
  for (let block = 0; block < blocks; block++) {
    const add = (part, type, ...shape) =>
      tensors.push({ name: `blk.${block}.${part}.weight`, type, shape });
    add('attn_norm', 'F32', width);
    add('attn_q', 'F16', width, width);
    add('attn_k', 'F16', width, 512);
    add('attn_v', 'F16', width, 512);
    add('attn_output', 'F16', width, width);
    add('ffn_norm', 'F32', width);
    add('ffn_gate', 'F16', width, 8192);
    add('ffn_up', 'F16', width, 8192);
    add('ffn_down', 'F16', 8192, width);
  }
  const { details, modified_at, capabilities } = tagOf(name);
  const { context_length: _, embedding_length: __, ...short } = details;
  return {
    modelfile: `# Modelfile of the stand-in\n# FROM ${name}\n\nFROM ${blobOf(name)}\nTEMPLATE {{ .Prompt }}\n`,
    parameters: 'temperature                    0.7',
    template: '{{ .Prompt }}',
    details: short,
    model_info: {
      'general.architecture': 'llama',
      'general.file_type': 1,
      'general.parameter_count': tensors.reduce(
        (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
        0,
      ),
      'general.quantization_version': 2,
      'llama.attention.head_count': 32,
      'llama.attention.head_count_kv': 8,
      'llama.block_count': blocks,
      'llama.context_length': 8192,
      'llama.embedding_length': width,
      'llama.feed_forward_length': 8192,
      'llama.rope.dimension_count': 64,
      'llama.vocab_size': vocabulary,
      'tokenizer.ggml.model': 'llama',
      // arrays are told only to those who ask
      'tokenizer.ggml.token_type': verbose ? Array.from({ length: 16 }, () => 1) : null,
    },
    tensors,
    capabilities,
    modified_at,
  };
}
