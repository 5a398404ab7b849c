import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as z from 'zod/mini';
import { fromPageSchema, PROTOCOL_VERSION, toPageSchema } from '../../src/shared/protocol';
import type { FromPage, ToPage } from '../../src/shared/protocol';
import { wishSchema } from '../../src/shared/wish';

const wish = z.parse(wishSchema, {
  engine: 'vllm',
  model: 'Qwen/Qwen3-4B',
  options: { gpuMemoryUtilization: 0.7, maxModelLen: 8192 },
  extraArguments: ['--seed', '7'],
  port: null,
});

/** One of each kind; the type makes a missing one an error here. */
const fromPage: { [T in FromPage['type']]: Extract<FromPage, { type: T }> } = {
  hello: { type: 'hello', protocolVersion: PROTOCOL_VERSION },
  wish: { type: 'wish', wish },
  launch: { type: 'launch', wish, force: false },
  stop: { type: 'stop', serverId: 'a1' },
  launchCorrected: { type: 'launchCorrected', serverId: 'a1' },
  stepUp: { type: 'stepUp', serverId: 'a1' },
  open: { type: 'open', target: 'getEngine' },
  problem: { type: 'problem', text: 'TypeError' },
};

const toPage: { [T in ToPage['type']]: Extract<ToPage, { type: T }> } = {
  snapshot: {
    type: 'snapshot',
    protocolVersion: PROTOCOL_VERSION,
    simulated: false,
    trusted: true,
    sampleAgeMs: null,
    gpus: [
      {
        index: 0,
        name: 'NVIDIA GeForce RTX 4090',
        totalBytes: 25757220864,
        freeBytes: null,
        usedBytes: null,
        memory: 'dedicated',
      },
    ],
    holders: [{ pid: 7, label: 'python', usedBytes: null, gpus: [0] }],
    problems: [],
    models: [{ id: 'm', label: 'm', detail: '', source: 'typed' }],
    model: null,
    engines: { vllm: { found: true, version: '0.32.0' }, ollama: { found: false, version: null } },
    launch: {
      vllmFile: 'vllm',
      ollamaFile: 'ollama',
      host: '127.0.0.1',
      port: 8000,
      ollamaPort: 11434,
      extraArguments: [],
      environment: {},
    },
    servers: [{ id: 's', title: 't', engine: 'vllm', phase: 'ready', detail: '', usedBytes: null }],
    defaults: { utilization: 0.7, headroomBytes: 536870912 },
    coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: 0 },
    learned: [],
    wish,
    wishRevision: 1,
  },
  focus: { type: 'focus', target: 'model' },
};

/** As `postMessage` would deliver it. */
const sent = (message: unknown): unknown => structuredClone(message);

describe('protocol', () => {
  for (const message of Object.values(fromPage))
    it(`page to host: ${message.type} arrives as it was sent`, () =>
      assert.deepEqual(z.parse(fromPageSchema, sent(message)), message));

  for (const message of Object.values(toPage))
    it(`host to page: ${message.type} arrives as it was sent`, () =>
      assert.deepEqual(z.parse(toPageSchema, sent(message)), message));

  it('has each kind of message in this test, and a handler for it in the host', () => {
    const kinds = fromPageSchema.def.options.map((option) => option.shape.type.def.values[0]);
    assert.deepEqual([...kinds].sort(), Object.keys(fromPage).sort());
    const host = fs.readFileSync('src/vscode/plannerPanel.ts', 'utf8');
    for (const kind of kinds)
      assert.match(host, new RegExp(`^\\s+${kind}: (async )?\\(`, 'm'), `no handler for ${kind}`);
  });

  it('refuses what it does not know', () => {
    for (const bad of [
      null,
      {},
      { type: 'hello' },
      { type: 'execute', command: 'workbench.action.terminal.new' },
      { type: 'open', target: 'workbench.action.terminal.new' },
      { type: 'launch', wish: { engine: 'bash' }, force: true },
      { type: 'stop' },
    ])
      assert.equal(z.safeParse(fromPageSchema, bad).success, false, JSON.stringify(bad));
  });
});
