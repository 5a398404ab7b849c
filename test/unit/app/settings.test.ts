import assert from 'node:assert/strict';
import {
  parseSettings,
  settingDefaults,
  settingSchemas,
  type SettingKey,
} from '../../../src/app/settings';

const parse = (given: Partial<Record<SettingKey, unknown>>) => parseSettings((key) => given[key]);

/** Each setting with values that it must take as they are. */
const GOOD: Readonly<Record<SettingKey, readonly unknown[]>> = {
  'monitor.intervalSeconds': [1, 2.5, 60],
  'monitor.source': ['auto', 'nvidia-smi', 'rocm-smi', 'amdgpu'],
  'monitor.executablePath': ['', '/usr/bin/nvidia-smi', 'C:\\Windows\\nvidia-smi.exe'],
  'statusBar.visibility': ['auto', 'always', 'never'],
  'statusBar.warnAtPercent': [1, 100],
  'planner.headroomMiB': [0, 65536],
  'vllm.executablePath': ['', '/opt/vllm/bin/vllm'],
  'vllm.defaultUtilization': [0, 0.7, 1],
  'vllm.extraArguments': [[], ['--seed', '7']],
  'vllm.environment': [{}, { HF_HUB_OFFLINE: '1' }],
  'ollama.executablePath': ['', '/usr/local/bin/ollama'],
  'ollama.host': ['http://gpu-box:11434', '127.0.0.1'],
  'coexistence.ollamaVramReservationMb': [0, 4096],
  'coexistence.maxWorkersPerGb': [0.01, 2],
  'coexistence.minVramPerWorkerGb': [0.5, 80],
  'coexistence.maxWorkers': [1, 64],
  'coexistence.enableOllamaDetection': [true, false],
  'coexistence.fallbackToCpuWhenConstrained': [true, false],
  'coexistence.safetyBufferMb': [0, 512],
  'hub.allowRequests': [true, false],
  'launch.oneAtATime': [true, false],
  'learning.enabled': [true, false],
  'learning.teamFile': [true, false],
  'cleanUp.protect': [[], ['python train.py']],
  simulate: [true, false],
};

/** Each with values of a wrong type or out of range. */
const BAD: Readonly<Record<SettingKey, readonly unknown[]>> = {
  'monitor.intervalSeconds': [0, 0.5, 61, '2', true, [], NaN, Infinity],
  'monitor.source': ['', 'moon-smi', 1],
  'monitor.executablePath': [1, false, ['nvidia-smi'], {}, 'nvidia-smi', './nvidia-smi'],
  'statusBar.visibility': ['sometimes', '', true],
  'statusBar.warnAtPercent': [0, 101, -1, '85'],
  'planner.headroomMiB': [-1, 65537, '512'],
  'vllm.executablePath': [0, {}, 'vllm', '~/venv/bin/vllm', 'venv\\vllm.exe'],
  'vllm.defaultUtilization': [-0.1, 1.01, 90, '0.7', NaN],
  'vllm.extraArguments': ['--seed 7', [7], [['--seed']], {}],
  'vllm.environment': [[], 'A=1', { A: 1 }, { A: null }],
  'ollama.executablePath': [true, 1, 'ollama'],
  'ollama.host': [11434, {}, false, '', 'http://gpu box:11434'],
  'coexistence.ollamaVramReservationMb': [-1, '12288'],
  'coexistence.maxWorkersPerGb': [0, -0.25, '0.25'],
  'coexistence.minVramPerWorkerGb': [0, -3],
  'coexistence.maxWorkers': [0, -1, '2', 1.5],
  'coexistence.enableOllamaDetection': ['true', 0],
  'coexistence.fallbackToCpuWhenConstrained': [1, 'false'],
  'coexistence.safetyBufferMb': [-1, []],
  'hub.allowRequests': ['true', 1, []],
  'launch.oneAtATime': ['yes', 1],
  'learning.enabled': ['true', 0],
  'learning.teamFile': ['true', 1],
  'cleanUp.protect': ['python', [1], {}],
  simulate: ['true', 1],
};

const KEYS = Object.keys(settingSchemas) as SettingKey[];
const defaults = settingDefaults();

describe('settings', () => {
  it('takes its defaults where nothing is set', () => {
    for (const absent of [undefined, null]) {
      const { settings, invalid } = parseSettings(() => absent);
      assert.deepEqual(settings, defaults);
      assert.deepEqual(invalid, []);
    }
    assert.equal(defaults['monitor.intervalSeconds'], 2);
    assert.equal(defaults['statusBar.warnAtPercent'], 85);
    assert.equal(defaults['vllm.defaultUtilization'], 0.7);
  });

  for (const key of KEYS) {
    it(`${key}: takes what is right`, () => {
      for (const value of GOOD[key]) {
        const { settings, invalid } = parse({ [key]: value });
        assert.deepEqual(settings, { ...defaults, [key]: value });
        assert.deepEqual(invalid, []);
      }
    });

    it(`${key}: falls back to its default for what is wrong, and reports it`, () => {
      for (const value of BAD[key]) {
        const { settings, invalid } = parse({ [key]: value });
        assert.deepEqual(settings, defaults, `found ${String(value)}`);
        assert.deepEqual(
          invalid.map((one) => one.key),
          [key],
          `found ${String(value)}`,
        );
      }
    });
  }

  it('reports what was found as it was written', () => {
    const { invalid } = parse({ 'statusBar.warnAtPercent': '85', simulate: { on: true } });
    assert.deepEqual(invalid, [
      { key: 'statusBar.warnAtPercent', found: '"85"' },
      { key: 'simulate', found: '{"on":true}' },
    ]);
  });

  it('names no value of an environment, because it may be a secret', () => {
    for (const [value, found] of [
      [{ HF_TOKEN: 'hf_secret', N: 1 }, 'values other than text'],
      ['HF_TOKEN=hf_secret', 'a string'],
      [['HF_TOKEN=hf_secret'], 'a list'],
    ] as const)
      assert.deepEqual(parse({ 'vllm.environment': value }).invalid, [
        { key: 'vllm.environment', found },
      ]);
  });

  it('cuts a long value', () => {
    const { invalid } = parse({ 'ollama.host': Array.from({ length: 1000 }, () => 'x') });
    assert.equal(invalid[0]?.found.length, 80);
  });

  it('keeps what is right beside what is wrong', () => {
    const { settings, invalid } = parse({
      'monitor.intervalSeconds': 'often',
      'vllm.defaultUtilization': 0.85,
      'cleanUp.protect': ['jupyter'],
    });
    assert.equal(settings['monitor.intervalSeconds'], 2);
    assert.equal(settings['vllm.defaultUtilization'], 0.85);
    assert.deepEqual(settings['cleanUp.protect'], ['jupyter']);
    assert.equal(invalid.length, 1);
  });
});
