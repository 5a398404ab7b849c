/**
 * A server that loads nothing: prints the stages of a vLLM start and answers the same paths, so that the product can be
 * tried on a machine without a GPU or an engine. Every line and every answer says that it is simulated.
 */
import http from 'node:http';

const PACE_MS = 700;

/** Takes `serve MODEL …` as vLLM does. Runs until SIGINT or SIGTERM; resolves with the exit code. */
export async function runSimulatedServer(args: readonly string[]): Promise<number> {
  const after = (flag: string, fallback: string) => {
    const at = args.lastIndexOf(flag);
    return (at >= 0 ? args[at + 1] : undefined) ?? fallback;
  };
  const port = Number(after('--port', '8000'));
  const model = after('--served-model-name', args[1] ?? 'model');
  const say = (text: string) =>
    process.stdout.write(`(SIMULATED) INFO 01-01 00:00:00 [simulated.py:1] ${text}\r\n`);

  process.stdout.write('SIMULATED SERVER: no model is loaded and no GPU is used.\r\n');
  for (const line of [
    'Starting to load model (simulated)',
    'Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:00<00:00]',
    'Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:01<00:00]',
    'Capturing CUDA graphs (simulated)',
  ]) {
    await new Promise((next) => setTimeout(next, PACE_MS));
    say(line);
  }

  const server = createSimulatedServer(model);
  server.listen(port, '127.0.0.1', () => say('Application startup complete. (simulated)'));
  return new Promise((resolve) => {
    const stop = () => {
      say('[shutdown] API server: shutdown triggered (simulated)');
      server.closeAllConnections();
      server.close(() => resolve(0));
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

/** What answers, as yet nowhere. */
export function createSimulatedServer(model: string): http.Server {
  return http.createServer((request, response) => {
    let asked = '';
    // not `for await`: where a client leaves half-way that throws, and would end the server
    request.on('data', (chunk) => (asked += String(chunk)));
    request.on('end', () => {
      const isStreamed = /"stream":\s*true/.test(asked);
      response.setHeader('content-type', isStreamed ? 'text/event-stream' : 'application/json');
      response.end(isStreamed ? events(model) : answer(request.url ?? '/', model));
    });
  });
}

function answer(path: string, model: string): string {
  if (path === '/health') return '';
  if (path === '/version') return JSON.stringify({ version: 'simulated' });
  if (path === '/v1/models')
    return JSON.stringify({ object: 'list', data: [{ id: model, object: 'model' }] });
  return JSON.stringify({
    object: 'chat.completion',
    model,
    choices: [
      { index: 0, message: { role: 'assistant', content: CONTENT }, finish_reason: 'stop' },
    ],
    usage: USAGE,
  });
}

const CONTENT = 'This is a simulated server: no model is loaded.';
const USAGE = { prompt_tokens: 1, completion_tokens: 11, total_tokens: 12 };

function events(model: string): string {
  const piece = { choices: [{ index: 0, delta: { role: 'assistant', content: CONTENT } }] };
  return [piece, { choices: [], usage: USAGE }]
    .map((event) => JSON.stringify({ object: 'chat.completion.chunk', model, ...event }))
    .concat('[DONE]')
    .map((data) => `data: ${data}\n\n`)
    .join('');
}
