import assert from 'node:assert/strict';
import { curlCommand } from '../../../src/engines/curl';
import { ollamaPrompts } from '../../../src/engines/ollama/prompt';
import {
  createPromptReader,
  type PromptDialect,
  type PromptTarget,
} from '../../../src/engines/promptStream';
import { vllmPrompts } from '../../../src/engines/vllm/prompt';
import { describeWithData, readDataText } from '../../support/sharedData';

const TARGET: PromptTarget = {
  base: 'http://127.0.0.1:8000/',
  model: "it's",
  apiKey: null,
  options: {},
  keepAlive: null,
};
const PROMPT = { text: 'Hello?', maxTokens: 64, isFixedLength: false };
const streamed = { isStreamed: true };

/** In pieces of `size` characters, as a network would cut it. */
function readIn(dialect: PromptDialect, stream: string, size: number) {
  const reader = createPromptReader(dialect);
  for (let at = 0; at < stream.length; at += size) reader.push(stream.slice(at, at + size));
  reader.end();
  return reader.reading();
}

const bodyOf = ({ body }: { body?: string }) => JSON.parse(body ?? '') as Record<string, unknown>;

describe('prompts to vLLM', () => {
  it('asks for a stream with its usage, and shows the key where there is one', () => {
    const request = vllmPrompts.request({ ...TARGET, apiKey: 's' }, 'chat', PROMPT, streamed);
    assert.equal(request.url, 'http://127.0.0.1:8000/v1/chat/completions');
    assert.equal(request.headers.authorization, 'Bearer s');
    assert.deepEqual(bodyOf(request), {
      model: "it's",
      messages: [{ role: 'user', content: 'Hello?' }],
      max_tokens: 64,
      stream: true,
      stream_options: { include_usage: true },
    });
    const fixed = { ...PROMPT, isFixedLength: true };
    const completion = vllmPrompts.request(TARGET, 'completion', fixed, { isStreamed: false });
    assert.equal(completion.headers.authorization, undefined);
    assert.deepEqual(bodyOf(completion), {
      model: "it's",
      prompt: 'Hello?',
      max_tokens: 64,
      ignore_eos: true,
    });
    const embedding = vllmPrompts.request(TARGET, 'embedding', fixed, streamed);
    assert.deepEqual(bodyOf(embedding), { model: "it's", input: 'Hello?' });
  });

  it('reads thoughts where no answer came, completions, errors in the stream, and nothing else', () => {
    const of = (...events: unknown[]) =>
      readIn(vllmPrompts, events.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`).join(''), 7);
    const delta = (content: object) => ({ choices: [{ delta: content }] });
    assert.equal(of(delta({ reasoning_content: 'hm' }), delta({ reasoning: 'm' })).text, 'hmm');
    assert.equal(of(delta({ reasoning: 'hm' }), delta({ content: 'Yes' })).text, 'Yes');
    assert.equal(of({ choices: [{ text: 'a' }] }, { choices: [{ text: 'b' }] }).text, 'ab');
    const broken = of(delta({ content: 'a' }), { error: { message: 'EngineCore died' } });
    assert.deepEqual([broken.error, broken.isOver], ['EngineCore died', false]);
    for (const noise of ['', ': ping\n\n', 'data: {\n\n', '<html>', 'event: x\n', 'data: []\n'])
      assert.deepEqual(
        [readIn(vllmPrompts, noise, 3).text, readIn(vllmPrompts, noise, 3).isOver],
        ['', false],
        noise,
      );
  });

  it('takes another way where the model has no chat, and none where the request is wrong', () => {
    const template = '{"error":{"message":"… you must provide a chat template if …","code":400}}';
    assert.equal(vllmPrompts.insteadOf('chat', template), 'completion');
    assert.equal(vllmPrompts.insteadOf('chat', '{"detail":"Not Found"}'), 'completion');
    assert.equal(vllmPrompts.insteadOf('completion', '{"detail":"Not Found"}'), 'embedding');
    assert.equal(vllmPrompts.insteadOf('embedding', '{"detail":"Not Found"}'), null);
    const unknown = '{"error":{"message":"The model `x` does not exist.","code":404}}';
    assert.equal(vllmPrompts.insteadOf('chat', unknown), null);
    assert.equal(vllmPrompts.readError(unknown), 'The model `x` does not exist.');
    const embedding =
      '{"data":[{"index":0,"embedding":[0.1,0.2,0.3]}],"usage":{"prompt_tokens":4}}';
    assert.deepEqual(vllmPrompts.readEmbedded(embedding), { dimensions: 3, promptTokens: 4 });
    assert.equal(vllmPrompts.readEmbedded('{"data":[]}'), null);
  });
});

describe('prompts to Ollama', () => {
  const ollama = { ...TARGET, base: 'http://127.0.0.1:11434', model: 'tiny' };

  it('says the options of the launch again: with others the model would be loaded anew', () => {
    const options = { numCtx: 8192, numGpu: 20, numParallel: 2 };
    const request = ollamaPrompts.request({ ...ollama, options }, 'chat', PROMPT, streamed);
    assert.equal(request.url, 'http://127.0.0.1:11434/api/chat');
    assert.deepEqual(bodyOf(request), {
      model: 'tiny',
      messages: [{ role: 'user', content: 'Hello?' }],
      stream: true,
      keep_alive: -1,
      options: { num_ctx: 8192, num_gpu: 20, num_predict: 64 },
    });
    const embed = ollamaPrompts.request(
      { ...ollama, keepAlive: 300 },
      'embedding',
      PROMPT,
      streamed,
    );
    assert.deepEqual(bodyOf(embed), { model: 'tiny', input: 'Hello?', keep_alive: 300 });
  });

  it('counts by its own figures', () => {
    const stream = [
      { message: { role: 'assistant', content: '', thinking: 'hm' }, done: false },
      { message: { role: 'assistant', content: 'Hel' }, done: false },
      { message: { role: 'assistant', content: 'lo' }, done: false },
      {
        message: { content: '' },
        done: true,
        prompt_eval_count: 9,
        eval_count: 4,
        eval_duration: 2e9,
      },
    ];
    const lines = stream.map((one) => JSON.stringify(one)).join('\n');
    assert.deepEqual(readIn(ollamaPrompts, lines, 11), {
      text: 'Hello',
      promptTokens: 9,
      tokens: 4,
      writingSeconds: 2,
      error: null,
      isOver: true,
    });
    assert.equal(readIn(ollamaPrompts, '{"error":"runner is gone"}\n', 5).error, 'runner is gone');
    assert.equal(
      ollamaPrompts.insteadOf('chat', '{"error":"\\"e\\" does not support chat"}'),
      'embedding',
    );
    assert.deepEqual(ollamaPrompts.readEmbedded('{"embeddings":[[1,2]],"prompt_eval_count":3}'), {
      dimensions: 2,
      promptTokens: 3,
    });
  });
});

describe('curl', () => {
  it('is one that a shell takes, also with a quote in the name, and holds no key', () => {
    const request = vllmPrompts.request({ ...TARGET, apiKey: 'secret' }, 'chat', PROMPT, {
      isStreamed: false,
    });
    const curl = curlCommand(request);
    assert.ok(curl.startsWith('curl http://127.0.0.1:8000/v1/chat/completions -H '));
    assert.ok(curl.includes(String.raw`it'\''s`));
    assert.ok(curl.includes('-H "Authorization: Bearer $VLLM_API_KEY"'));
    assert.ok(!curl.includes('secret') && !curl.includes('stream'));
    assert.ok(!curlCommand({ ...request, headers: {} }).includes('Authorization'));
  });
});

describeWithData('prompt streams against recorded ones', () => {
  it('reads a chat of vLLM 0.32, cut anywhere', () => {
    const recorded = readDataText('vllm-cpu-runs', 'http-chat-stream.txt');
    for (const size of [1, 7, 64, 4096]) {
      const { text, tokens, promptTokens, isOver } = readIn(vllmPrompts, recorded, size);
      assert.equal(text, 'vqomenhz�ut');
      assert.deepEqual([tokens, promptTokens, isOver], [6, 13, true]);
    }
    console.log('      1 recorded stream, cut in 4 ways');
  });
});
