import assert from 'node:assert/strict';
import { enginesForTyped } from '../../../../src/app/models/typedModel';
import { initialState } from '../../../../src/app/state';
import { emptyWish } from '../../../../src/app/planning/wishes';
import { settingDefaults } from '../../../../src/app/settings';

const { engines } = initialState(emptyWish(settingDefaults()));
const found = { found: true, file: '/x', version: null };

describe('a typed model', () => {
  it('with a tag is Ollama’s first, without one vLLM’s', () => {
    assert.deepEqual(enginesForTyped('qwen3:8b', engines), ['ollama', 'vllm']);
    assert.deepEqual(enginesForTyped('Qwen/Qwen3-8B', engines), ['vllm', 'ollama']);
    assert.deepEqual(enginesForTyped('org/name:file-Q4_K_M.gguf', engines)[0], 'vllm');
  });

  it('is Ollama’s first where only Ollama is installed', () => {
    assert.deepEqual(enginesForTyped('llama3', { ...engines, ollama: found }), ['ollama', 'vllm']);
    assert.equal(enginesForTyped('llama3', { vllm: found, ollama: found })[0], 'vllm');
  });

  it('is vLLM’s alone where it is a path', () => {
    for (const path of ['/models/a', '~/a', './a', 'C:\\models\\a'])
      assert.deepEqual(enginesForTyped(path, { ...engines, ollama: found }), ['vllm'], path);
  });
});
