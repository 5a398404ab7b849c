import assert from 'node:assert/strict';
import { waysToInstall } from '../../../../src/app/launching/engineInstall';

const commands = (...given: Parameters<typeof waysToInstall>) =>
  waysToInstall(...given)
    .map(({ command }) => command)
    .filter((command) => command !== null);

describe('ways to install an engine', () => {
  it('offers for each system a page of each engine, on a secure address of its maker', () => {
    for (const system of ['linux', 'wsl', 'mac', 'windows', undefined] as const)
      for (const engine of ['vllm', 'ollama']) {
        const ways = waysToInstall(system).filter((way) => way.engine === engine);
        assert.ok(ways.some(({ command }) => command === null));
        for (const { page } of ways)
          assert.match(page, /^https:\/\/(docs\.vllm\.ai|ollama\.com)\//);
      }
  });

  it('gives the command for vLLM only where its wheels run', () => {
    assert.ok(commands('linux', 'nvidia').includes('uv tool install vllm'));
    assert.ok(commands('wsl').includes('uv tool install vllm'));
    for (const [system, vendor] of [
      ['linux', 'amd'],
      ['linux', 'intel'],
      ['mac', 'apple'],
      ['windows', 'nvidia'],
    ] as const)
      assert.ok(!commands(system, vendor).some((command) => command.includes('vllm')), system);
  });

  it('gives the command for Ollama of the system', () => {
    assert.match(commands('linux').join(), /ollama\.com\/install\.sh/);
    assert.match(commands('mac').join(), /^brew install ollama$/);
    assert.match(commands('windows').join(), /^winget install Ollama\.Ollama$/);
  });
});
