import assert from 'node:assert/strict';
import { noFacts } from '../../../src/engines/startFacts';
import { diagnostics, type DiagnosticsInputs } from '../../../src/app/diagnostics';
import { keepHistory } from '../../../src/app/gpus/history';
import { settingDefaults } from '../../../src/app/settings';
import { cpuMs } from '../../support/cpuTime';
import { fakeContext, GIB, gpuOf, holderOf, sampleOf, serverOf } from '../../support/fakePorts';
import { seededRandom } from '../../support/seededRandom';

const AT = 1_800_000_000_000;

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function inputsOf(given: Partial<DiagnosticsInputs> = {}): DiagnosticsInputs {
  return {
    state: fakeContext().store.state(),
    settings: settingDefaults(),
    version: '1.2.3',
    nowMs: AT,
    samples: [],
    tailOf: () => null,
    homeFolder: '/home/somebody',
    ...given,
  };
}

describe('diagnostics', () => {
  it('hold samples, launches, settings, versions, and the last 200 lines of each output', () => {
    const context = fakeContext();
    context.store.dispatch({ type: 'serverAdded', server: serverOf() });
    const lines = Array.from({ length: 450 }, (_, at) => `line ${String(at)}`);
    const samples = [
      { atMs: AT, gpus: [{ index: 0, usedBytes: 1, totalBytes: 2 }], processes: [] },
    ];
    const text = diagnostics(
      inputsOf({
        state: context.store.state(),
        samples,
        tailOf: () => ({ firstLine: 11, lines }),
      }),
    );
    const read = JSON.parse(text) as {
      version: string;
      samples: unknown;
      settings: Record<string, unknown>;
      servers: { command: { args: string[] }; output: { firstLine: number; lines: string[] } }[];
    };
    assert.equal(read.version, '1.2.3');
    assert.deepEqual(read.samples, samples);
    assert.equal(read.settings['monitor.intervalSeconds'], 2);
    assert.deepEqual(read.servers[0]?.command.args, ['serve', 'org/m']);
    assert.equal(read.servers[0].output.lines.length, 200);
    assert.equal(read.servers[0].output.firstLine, 261);
    assert.equal(read.servers[0].output.lines[0], 'line 250');
  });

  it('keep figures and names that are no secret', () => {
    const server = serverOf({
      command: {
        file: 'vllm',
        args: ['serve', 'Qwen/Qwen3-4B', '--max-num-batched-tokens', '8192', '--tokenizer', 'a/b'],
        env: {},
      },
    });
    const context = fakeContext();
    context.store.dispatch({ type: 'serverAdded', server });
    const lines = [
      "non-default args: {'max_num_batched_tokens': 8192, 'model': 'Qwen/Qwen3-4B'}",
      'vllm serve Qwen/Qwen3-4B --max-num-batched-tokens 8192',
      'GPU KV cache size: 32,768 tokens',
      'RuntimeError: see root cause above',
    ];
    const text = diagnostics(
      inputsOf({
        state: context.store.state(),
        homeFolder: '/root',
        tailOf: () => ({ firstLine: 1, lines }),
      }),
    );
    for (const line of lines) assert.ok(text.includes(JSON.stringify(line)), line);
    assert.ok(text.includes('"--max-num-batched-tokens",\n'));
    assert.ok(text.includes('"8192"'));
  });

  it('are written in no time, whatever the output looks like', () => {
    const context = fakeContext();
    context.store.dispatch({ type: 'serverAdded', server: serverOf() });
    const long = ['x', '-', 'token', "'api_key", '--max-', 'prompt: ', '/home/', ' ='].map((part) =>
      part.repeat(8_192 / part.length),
    );
    const lines = Array.from({ length: 100 }, (_, at) => long[at % long.length] ?? '');
    const startedMs = cpuMs();
    diagnostics(
      inputsOf({ state: context.store.state(), tailOf: () => ({ firstLine: 1, lines }) }),
    );
    const tookMs = cpuMs() - startedMs;
    assert.ok(tookMs < 1_000, `${tookMs.toFixed(0)} ms`);
  });

  for (let seed = 1; seed <= 40; seed += 1) {
    it(`let none of the secrets out that are in every place (seed ${String(seed)})`, () => {
      const random = seededRandom(seed);
      const word = (length: number) =>
        Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)] ?? 'a').join(
          '',
        );
      const secrets: string[] = [];
      const secret = (prefix = '', length = 12 + Math.floor(random() * 20)): string => {
        const made = `${prefix}${word(length)}`;
        secrets.push(made);
        return made;
      };
      const user = `u${word(6)}`;
      const other = `o${word(6)}`;
      secrets.push(user, other);
      const home = `/home/${user}`;
      const apiKey = secret();
      const environmentValue = secret();
      const args = [
        'serve',
        `${home}/models/m`,
        '--api-key',
        apiKey,
        secret(),
        '--max-model-len',
        '8192',
        `--hf-token=${secret()}`,
        secret('hf_'),
      ];
      const lines = [
        `Authorization: Bearer ${secret()}`,
        `non-default args: {'api_key': ['${secret()}', '${secret()}'], 'port': 8000}`,
        `vllm serve m --api-key ${secret()} --port 8000`,
        `vllm serve m --api-key=${secret()}`,
        `the key is ${apiKey}, the variable ${environmentValue}`,
        `OPENAI_API_KEY=${secret('sk-')}`,
        `got ${secret('hf_')} and ${secret('sk-')} and ${secret('ghp_')}`,
        `Received request cmpl-1: prompt: 'tell me about ${secret()}', params: SamplingParams()`,
        `{"messages":[{"role":"user","content":"${secret()} and more"}]}`,
        `level=DEBUG msg="completion request" prompt="${secret()}"`,
        `FileNotFoundError: ${home}/models/x and C:\\Users\\${other}\\m and /Users/${other}/m`,
        `https://${word(5)}:${secret()}@hub.example/x?token=${secret()}`,
        `user ${user} may not`,
      ];
      const server = serverOf({
        title: `vLLM: ${home}/m`,
        wish: {
          engine: 'vllm',
          model: `${home}/models/m`,
          options: {},
          extraArguments: ['--api-key', secret(), '--ssl-keyfile-password', secret()],
          port: null,
        },
        command: { file: `${home}/venv/bin/vllm`, args, env: { MY_OWN: environmentValue } },
        warnings: [`slow, says ${home}`],
        diagnosis: {
          engine: 'vllm',
          engineVersion: null,
          stage: 'loading',
          result: 'failed',
          cause: {
            id: 'unknown',
            title: `no ${home}`,
            evidence: [{ line: 1, text: `token: ${secret('hf_')} in ${home}/x` }],
          },
          remedy: null,
          facts: serverOf().facts ?? noFacts,
        },
      });
      const context = fakeContext();
      context.store.dispatch({ type: 'serverAdded', server });
      const holders = [
        holderOf({ user, command: `${home}/venv/bin/python x.py --token ${secret()}` }),
        holderOf({ pid: 2, user: other, command: `python /home/${other}/train.py` }),
      ];
      context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
      context.store.dispatch({
        type: 'profilesLoaded',
        profiles: [{ name: `of ${user}`, wish: { ...server.wish, extraArguments: args } }],
      });
      const settings = {
        ...settingDefaults(),
        'vllm.environment': { HF_TOKEN: secret(), ODD_NAME: secret('', 6) },
        'vllm.extraArguments': ['--api-key', secret()],
        'vllm.executablePath': `${home}/venv/bin/vllm`,
      };
      const text = diagnostics(
        inputsOf({
          state: context.store.state(),
          settings,
          homeFolder: home,
          tailOf: () => ({ firstLine: 1, lines }),
          samples: [
            {
              atMs: AT,
              gpus: [],
              processes: [{ pid: 1, usedBytes: 1, gpus: [0], name: `${home}/bin/python` }],
            },
          ],
        }),
      );
      const out = secrets.filter((one) => text.includes(one));
      assert.deepEqual(out, []);
      assert.ok(text.includes('HF_TOKEN') && text.includes('ODD_NAME'), 'names stay');
      assert.ok(text.includes('~/models/m') && text.includes('"8192"'), 'what helps stays');
    });
  }
});

describe('recent samples', () => {
  const at = (atMs: number) => ({
    type: 'sampled' as const,
    sample: sampleOf({
      gpus: [gpuOf({ usedBytes: GIB })],
      processes: [{ pid: 7, usedBytes: GIB, name: 'python', gpus: [0] }],
    }),
    atMs,
    simulated: false,
    warnPercent: 85,
  });

  it('are at most 450 of the last fifteen minutes, oldest first', () => {
    const { store, clock } = fakeContext();
    const kept = keepHistory(store, clock);
    for (let tick = 1; tick <= 1_000; tick += 1) {
      clock.nowMs += 1_000;
      store.dispatch(at(tick * 1_000));
    }
    assert.equal(kept.list().length, 450);
    assert.equal(kept.list()[0]?.atMs, 551_000);
    clock.nowMs += 2_000_000;
    store.dispatch(at(3_000_000));
    assert.deepEqual(kept.list(), [
      {
        atMs: 3_000_000,
        gpus: [{ index: 0, usedBytes: GIB, totalBytes: 24 * GIB }],
        processes: [{ pid: 7, usedBytes: GIB, gpus: [0], name: 'python' }],
      },
    ]);
    store.dispatch({ ...at(3_000_001), simulated: true });
    assert.equal(kept.list().length, 1);
    kept.stop();
    store.dispatch(at(3_000_002));
    assert.equal(kept.list().length, 1);
  });
});
