/** Every way in which a real vLLM fails on the CPU, provoked in a window: named right, with its evidence, nothing left. */
import assert from 'node:assert/strict';
import net from 'node:net';
import os from 'node:os';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { changedModel } from '../engineModels';
import {
  activateWithVllm,
  assertNothingLeft,
  ended,
  RUNS_ALL,
  server,
  started,
  START_MS,
  wish,
} from '../realVllm';
import { removeServers } from '../removeServers';
import { setting } from '../setting';

interface FailureCase {
  readonly what: string;
  readonly cause: string;
  /** Made when its turn has come. */
  readonly launch: () => Parameters<typeof wish>[0];
  /** The check before the launch says so already, and only Deploy Anyway gets this far. */
  readonly refused?: true;
  /** GiB for the pool by vLLM's own variable, in place of the size that the settings give. */
  readonly poolGiB?: number;
  /** Also in the short form. */
  readonly short?: true;
}

const extra = (...extraArguments: string[]) => ({ extraArguments });

const CASES: readonly FailureCase[] = [
  {
    what: 'a context longer than the model’s',
    cause: 'max_model_len_over_derived',
    launch: () => ({ options: { maxModelLen: 4096 } }),
    refused: true,
    short: true,
  },
  {
    what: 'a missing path',
    cause: 'model_path_missing',
    launch: () => ({ model: '/models/does-not-exist' }),
    refused: true,
    short: true,
  },
  {
    what: 'an unknown flag',
    cause: 'unknown_flag',
    launch: () => extra('--gpu-mem-utilisation', '0.9'),
    refused: true,
    short: true,
  },
  {
    what: 'no block for the KV cache',
    cause: 'kv_cache_no_blocks',
    launch: () => extra('--kv-cache-memory-bytes', '1000'),
    short: true,
  },
  {
    what: 'heads that three GPUs can’t share',
    cause: 'tp_heads_not_divisible',
    launch: () => ({ options: { tensorParallelSize: 3 } }),
    short: true,
  },
  {
    what: 'a value of the wrong kind',
    cause: 'bad_flag_value',
    launch: () => extra('--max-model-len', 'abc'),
  },
  {
    what: 'a utilization of 0',
    cause: 'bad_gpu_memory_utilization',
    launch: () => extra('--gpu-memory-utilization', '0'),
  },
  {
    what: 'a utilization above 1',
    cause: 'bad_gpu_memory_utilization',
    launch: () => extra('--gpu-memory-utilization', '1.5'),
  },
  {
    what: 'a pool below one block',
    cause: 'kv_cache_no_blocks',
    launch: () => extra('--kv-cache-memory-bytes', '65536'),
  },
  {
    what: 'a context that the pool can’t hold',
    cause: 'kv_cache_too_small',
    launch: () => ({
      model: changedModel('tiny-longpos', { config: { max_position_embeddings: 4_000_000 } }),
      options: { maxModelLen: 4_000_000 },
    }),
    poolGiB: 1,
  },
  {
    what: 'a pool larger than the memory',
    cause: 'cpu_ram_too_small',
    launch: () => ({}),
    poolGiB: 4 * Math.ceil(os.totalmem() / 2 ** 30),
  },
  {
    what: 'a model that is not here, without a network',
    cause: 'hub_offline',
    launch: () => ({ model: 'example-org/example-model' }),
  },
  {
    what: 'an empty folder',
    cause: 'model_dir_empty',
    launch: () => ({ model: changedModel('tiny-empty', { empty: true }) }),
  },
  {
    what: 'a quantization that the model does not have',
    cause: 'quantization_mismatch',
    launch: () => extra('--quantization', 'awq'),
  },
  {
    what: 'sleep mode, which the CPU does not have',
    cause: 'unsupported_option',
    launch: () => extra('--enable-sleep-mode'),
  },
  {
    what: 'an unknown architecture',
    cause: 'unsupported_architecture',
    launch: () => ({
      model: changedModel('tiny-badarch', { config: { architectures: ['FooBarForCausalLM'] } }),
    }),
  },
  {
    what: 'an unknown type of model',
    cause: 'unsupported_architecture',
    launch: () => ({ model: changedModel('tiny-badtype', { config: { model_type: 'foobar' } }) }),
  },
  {
    what: 'missing weights',
    cause: 'weights_missing',
    launch: () => ({ model: changedModel('tiny-noweights', { weights: 'missing' }) }),
  },
  {
    what: 'weights cut short',
    cause: 'weights_corrupt',
    launch: () => ({ model: changedModel('tiny-truncated', { weights: 'cut' }) }),
  },
];

const settings = () => vscode.workspace.getConfiguration('vramPilot');

/** vLLM's own variable takes whole GiB, and counts only where no flag gives a size. */
async function withPool<T>(poolGiB: number | undefined, act: () => Promise<T>): Promise<T> {
  if (poolGiB === undefined) return act();
  const environment = settings().get<Record<string, string>>('vllm.environment');
  const flags = settings().get<string[]>('vllm.extraArguments');
  try {
    await setting('vllm.environment', { ...environment, VLLM_CPU_KVCACHE_SPACE: String(poolGiB) });
    await setting('vllm.extraArguments', ['--enforce-eager']);
    return await act();
  } finally {
    await setting('vllm.environment', environment);
    await setting('vllm.extraArguments', flags);
  }
}

describe('failures of a real vLLM', function () {
  this.timeout(2 * START_MS);
  let api: VramPilotApi;

  before(async () => {
    api = await activateWithVllm();
    await removeServers(api);
  });

  afterEach(() => removeServers(api));

  async function failsWith(cause: string, id: string): Promise<void> {
    await ended(id);
    const { endReason, diagnosis } = server(id);
    assert.equal(endReason, 'failed');
    assert.equal(diagnosis?.cause?.id, cause, diagnosis?.cause?.title);
    assert.ok(diagnosis.cause.evidence.length > 0, 'evidence lines');
    assert.notEqual(diagnosis.remedy, null, 'what helps');
    await assertNothingLeft(id);
  }

  for (const { what, cause, launch, refused, poolGiB } of CASES.filter(
    ({ short }) => RUNS_ALL || short,
  )) {
    it(`names ${what}: ${cause}`, () =>
      withPool(poolGiB, async () => {
        const change = launch();
        if (refused) {
          const answer = await api.deploy(wish(change));
          assert.ok(!answer.ok && answer.problems.length > 0, 'refused before the launch');
        }
        await failsWith(cause, started(await api.deploy(wish(change), { force: true })));
      }));
  }

  it('names a port that somebody took: port_in_use', async () => {
    const other = net.createServer();
    await new Promise<void>((settle) => other.listen(0, '127.0.0.1', settle));
    const { port } = other.address() as net.AddressInfo;
    try {
      const refused = await api.deploy({ ...wish(), port });
      assert.ok(!refused.ok && refused.problems.some(({ id }) => id === 'port_in_use'));
      const id = started(await api.deploy({ ...wish(), port }, { force: true }));
      await ended(id);
      assert.equal(server(id).endReason, 'failed');
      assert.equal(server(id).diagnosis?.cause?.id, 'port_in_use');
      assert.ok(server(id).diagnosis!.cause!.evidence.length > 0);
    } finally {
      other.close();
    }
  });
});
