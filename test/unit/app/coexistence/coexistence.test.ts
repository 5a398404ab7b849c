import assert from 'node:assert/strict';
import {
  coexistenceOf,
  heldByOllama,
  isOllamaHolder,
  ollamaOnCard,
  ollamaReservation,
  workerSettingsOf,
} from '../../../../src/app/coexistence/coexistence';
import { NO_OLLAMA, type OllamaSeen } from '../../../../src/app/coexistence/coexistenceState';
import { settingDefaults, type Settings } from '../../../../src/app/settings';
import { snapshotOf } from '../../../../src/app/snapshot';
import { answerWish } from '../../../../src/app/planning/planService';
import type { Holder } from '../../../../src/processes/process';
import {
  fakeContext,
  GIB,
  gpuOf,
  holderOf,
  sampleOf,
  type FakeContext,
} from '../../../support/fakePorts';

const settingsWith = (given: Partial<Settings>): Settings => ({ ...settingDefaults(), ...given });

describe('ollamaReservation', () => {
  const idle = { heldBytes: 0, isInUse: false };
  const used = { heldBytes: 5 * GIB, isInUse: true };
  /** Ours: it holds what we gave it, and nobody else asks it anything. */
  const ours = { heldBytes: 5 * GIB, isInUse: false };
  const large = { heldBytes: 15 * GIB, isInUse: true };
  const SET = { 'coexistence.ollamaVramReservationMb': 8192 };
  const NONE = { 'coexistence.ollamaVramReservationMb': 0 };
  const OFF = { 'coexistence.enableOllamaDetection': false };

  const CASES = [
    ['nothing set, none seen', {}, 24, idle, 0],
    ['nothing set, in use: by the card, less what it holds', {}, 24, used, 7],
    ['nothing set, in use on a 16 GB card', {}, 16, used, 5],
    ['nothing set, in use on a 12 GB card', {}, 12, used, 3],
    ['nothing set, in use, and holds more than that', {}, 24, large, 0],
    ['nothing set, only our own server', {}, 24, ours, 0],
    ['set, none seen: a Windows host, another container', SET, 24, idle, 8],
    ['set, in use', SET, 24, used, 3],
    ['set, our own server', SET, 24, ours, 3],
    ['set to nothing, in use', NONE, 24, used, 0],
    ['detection off', OFF, 24, idle, 12],
    ['detection off, 16 GB card', OFF, 16, idle, 10],
    ['detection off, though it holds something', { ...OFF, ...SET }, 24, used, 8],
    ['detection off, set to nothing', { ...OFF, ...NONE }, 24, used, 0],
  ] as const;

  for (const [what, settings, totalGib, seen, keptGib] of CASES)
    it(`${what}: ${String(keptGib)} GiB`, () => {
      const worker = workerSettingsOf(settingsWith(settings));
      const { bytes, reason } = ollamaReservation(worker, totalGib * GIB, seen);
      assert.equal(bytes / GIB, keptGib);
      if (bytes > 0) assert.ok(reason !== null && reason !== '');
    });

  it('says why, with the setting or the file that decides', () => {
    const why = (settings: Partial<Settings>, seen: typeof idle, source?: string) => {
      const worker = workerSettingsOf(settingsWith(settings));
      return ollamaReservation(source ? { ...worker, source } : worker, 24 * GIB, seen).reason;
    };
    assert.equal(
      why({}, used),
      '12.0 GiB for a card of this size because Ollama is in use here, 5.0 GiB of it held already',
    );
    assert.equal(
      why(SET, idle),
      '8.0 GiB reserved by vramPilot.coexistence.ollamaVramReservationMb',
    );
    assert.match(why(SET, idle, 'performance_config.json') ?? '', /by performance_config\.json$/);
    assert.match(why(OFF, idle) ?? '', /not looked at/);
    assert.equal(why({}, idle), null);
  });
});

describe('Ollama among the holders', () => {
  it('is known by its program, not by a word in a line', () => {
    const is = (command: string) => isOllamaHolder({ command });
    for (const command of [
      '/usr/local/bin/ollama runner --model /m/blobs/sha256-1 --port 1',
      'ollama serve',
      '[ollama]',
      '/usr/local/lib/ollama/llama-server --model /m/blobs/sha256-1',
      '/tmp/ollama123/runners/cuda_v12/ollama_llama_server --port 1',
      'C:\\Users\\Ann Lee\\AppData\\Local\\Programs\\Ollama\\ollama.exe runner',
      'C:\\Programs\\Ollama\\lib\\ollama\\llama-server.exe --model x',
    ])
      assert.ok(is(command), command);
    for (const command of [
      'vllm serve /models/ollama',
      '/v/bin/python ollama_client.py',
      '/home/me/llama-server --model x.gguf',
      '/usr/bin/ollama-exporter',
    ])
      assert.ok(!is(command), command);
    assert.equal(isOllamaHolder({ command: null }), false);
  });

  const runner = (given: Partial<Holder> = {}) =>
    holderOf({ command: '/usr/bin/ollama runner', usedBytes: 5 * GIB, ...given });
  const on = (holders: Holder[], ollama: Partial<OllamaSeen> = {}, gpu = 0) =>
    ollamaOnCard(
      {
        holders,
        coexistence: { ollama: { ...NO_OLLAMA, ...ollama }, file: null, fileProblem: null },
      },
      gpu,
    );
  const model = { name: 'm', sizeBytes: 4 * GIB, gpuBytes: 4 * GIB, sinceMs: 0 };

  it('sums what it holds on one GPU', () => {
    const holders = [runner(), runner({ pid: 101, usedBytes: null }), holderOf({ pid: 102 })];
    assert.equal(heldByOllama(holders, 0), 5 * GIB);
    assert.equal(heldByOllama(holders, 1), 0);
    const spread = [runner({ gpus: [0, 1] }), runner({ pid: 101, gpus: [1], usedBytes: GIB })];
    assert.deepEqual(
      [0, 1].map((gpu) => heldByOllama(spread, gpu)),
      [2.5 * GIB, 3.5 * GIB],
    );
  });

  it('believes the processes, and the daemon where the tool gives no figure', () => {
    const told = { answers: true, isInUse: true, models: [model] };
    assert.deepEqual(on([runner()], told), { heldBytes: 5 * GIB, isInUse: true });
    assert.deepEqual(on([runner({ usedBytes: null })], told), {
      heldBytes: 4 * GIB,
      isInUse: true,
    });
    assert.deepEqual(on([], told), { heldBytes: 4 * GIB, isInUse: true });
    const onTwo = runner({ usedBytes: null, gpus: [0, 1] });
    assert.equal(on([onTwo], told, 1).heldBytes, 2 * GIB);
  });

  it('is in use where somebody else’s runner holds memory, on that GPU alone', () => {
    assert.equal(on([runner()]).isInUse, true);
    assert.equal(on([runner({ class: 'ourServer' })]).isInUse, false);
    assert.equal(on([]).isInUse, false);
    assert.equal(on([runner({ class: 'otherNamespace' })]).isInUse, true);
    assert.deepEqual(on([runner({ gpus: [1] })]), { heldBytes: 0, isInUse: false });
    // the daemon knows better whose model that is: one of ours in a daemon of somebody else
    assert.equal(on([runner()], { answers: true, models: [model] }).isInUse, false);
  });
});

describe('plans beside Ollama', () => {
  const model = { name: 'm', parameterCount: 4e9, config: null };

  function beside(settings: Partial<Settings>, holders: Holder[] = []): FakeContext {
    const context = fakeContext(settings);
    context.gpuNow = sampleOf({ gpus: [gpuOf({ freeBytes: 18 * GIB })] });
    void context.lookAtGpus();
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    return context;
  }

  const answer = (context: FakeContext, utilization = 0.6) => {
    const wish = {
      ...context.store.state().wish,
      model: 'org/model-1B',
      options: { gpuMemoryUtilization: utilization },
    };
    return answerWish(context.store.state(), context.settings(), wish, model, 8000);
  };

  it('keep nothing where no Ollama is', () => {
    const context = beside({});
    assert.equal(
      coexistenceOf(context.store.state(), context.settings()).ollamaReservationBytes,
      0,
    );
    assert.ok(!answer(context).steps.some((step) => step.includes('Ollama')));
  });

  it('say in their steps what they keep and why, and mark no share that takes it', () => {
    const context = beside({}, [
      holderOf({ command: '/usr/bin/ollama runner', usedBytes: 4 * GIB }),
    ]);
    const without = answer(beside({}));
    const kept = answer(context);
    assert.ok(
      kept.steps.includes(
        'Kept for Ollama: 8.00 GiB (12.0 GiB for a card of this size because Ollama is in use here, 4.0 GiB of it held already)',
      ),
      kept.steps.join('\n'),
    );
    const [before, after] = [without.utilization?.largest ?? 0, kept.utilization?.largest ?? 0];
    assert.ok(Math.abs(before - after - 8 / 24) < 0.03, `${String(before)} and ${String(after)}`);
    assert.equal(kept.verdict, 'doesNotFit');
    assert.match(kept.steps.at(-1) ?? '', /beside 8\.00 GiB kept for Ollama/);
    assert.notEqual(without.verdict, 'doesNotFit');
    assert.ok(
      kept.steps.some((step) => step.includes('free beside 8.00 GiB kept for Ollama: choose 0.')),
      kept.steps.join('\n'),
    );
  });

  it('keep it on the card where Ollama is, not on another', () => {
    const runner = holderOf({ command: '/usr/bin/ollama runner', usedBytes: 4 * GIB, gpus: [1] });
    const context = beside({}, [runner]);
    context.gpuNow = sampleOf({ gpus: [gpuOf(), gpuOf({ index: 1 })] });
    void context.lookAtGpus();
    const kept = coexistenceOf(context.store.state(), context.settings());
    assert.equal(kept.ollamaReservationBytes, 8 * GIB);
    assert.deepEqual(kept.ollamaBytesPerGpu, [0, 8 * GIB]);
    assert.ok(!answer(context).steps.some((step) => step.includes('Ollama')));
  });

  it('keep on each card what suits its size, less its part of what Ollama holds', () => {
    const runner = holderOf({
      command: '/usr/bin/ollama runner',
      usedBytes: 8 * GIB,
      gpus: [0, 1],
    });
    const context = beside({}, [runner]);
    context.gpuNow = sampleOf({ gpus: [gpuOf(), gpuOf({ index: 1, totalBytes: 16 * GIB })] });
    void context.lookAtGpus();
    const kept = coexistenceOf(context.store.state(), context.settings());
    assert.deepEqual(kept.ollamaBytesPerGpu, [8 * GIB, 6 * GIB]);
    assert.match(
      kept.ollamaReason ?? '',
      /^GPU 0: 12\.0 GiB .*; GPU 1: 10\.0 GiB .* 4\.0 GiB of it/,
    );
  });

  it('are the page’s too', () => {
    const context = beside({ 'coexistence.ollamaVramReservationMb': 8192 });
    const [state, settings] = [context.store.state(), context.settings()];
    const { coexistence } = snapshotOf(state, settings, { nowMs: 0, trusted: true, port: 8000 });
    assert.deepEqual(coexistence, coexistenceOf(state, settings));
    assert.equal(coexistence.ollamaReservationBytes, 8 * GIB);
    assert.match(coexistence.ollamaReason ?? '', /ollamaVramReservationMb/);
  });
});
