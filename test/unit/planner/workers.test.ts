import assert from 'node:assert/strict';
import { planWorkers, workerEnvironment, type WorkersPlan } from '../../../src/planner/workers';
import {
  DEFAULT_WORKER_SETTINGS,
  isAboutOthers,
  readWorkerConfig,
  reservationForModel,
  withPreset,
  type WorkerSettings,
} from '../../../src/planner/workerSettings';
import { GIB, MIB } from '../../../src/shared/units';

const plan = (total: number, free: number, settings: Partial<WorkerSettings> = {}): WorkersPlan =>
  planWorkers({
    totalBytes: total * GIB,
    freeBytes: free * GIB,
    settings: { ...DEFAULT_WORKER_SETTINGS, ...settings },
  });

describe('planWorkers', () => {
  it('gives two workers of 4.5 GB on a 24 GB card with 22 GB free', () => {
    const answer = plan(24, 22);
    assert.equal(answer.reservationBytes, 12 * GIB);
    assert.equal(answer.bufferBytes, GIB);
    assert.equal(answer.usableBytes, 9 * GIB);
    assert.equal(answer.workers, 2);
    assert.equal(answer.bytesPerWorker, 4.5 * GIB);
    assert.equal(answer.device, 'cuda');
    const text = answer.steps.join('\n');
    assert.match(text, /GPU workers enabled: 2 workers × 4\.5 GB = 9\.0 GB total/);
    assert.match(text, /Ollama should retain 12\.0 GB\.\nWith it 87\.5 % of the card are in use/);
  });

  it('reserves by the size of the card where nothing is set', () => {
    assert.equal(plan(23.5, 22).reservationBytes, 12 * GIB);
    assert.equal(plan(16, 15).reservationBytes, 10 * GIB);
    assert.equal(plan(12, 12).reservationBytes, 8 * GIB);
    assert.equal(plan(48, 40).reservationBytes, 12 * GIB);
  });

  it('gives a wholly free 12 GB card one worker, and a used one the CPU', () => {
    const free = plan(12, 12);
    assert.deepEqual([free.workers, free.bytesPerWorker, free.device], [1, 3 * GIB, 'cuda']);
    const used = plan(12, 11);
    assert.deepEqual([used.workers, used.bytesPerWorker, used.device], [1, 0, 'cpu']);
    assert.match(
      used.steps.join('\n'),
      /insufficient VRAM per worker \(2\.0 GiB usable, 3\.0 GiB needed\)/,
    );
  });

  it('takes workers away until each has the minimum', () => {
    const answer = plan(24, 18);
    assert.equal(answer.usableBytes, 5 * GIB);
    assert.equal(answer.workers, 1);
    assert.equal(plan(48, 40, { maxWorkers: 8 }).workers, 6);
    assert.equal(plan(48, 40, { maxWorkers: 8, minimumBytesPerWorker: 9 * GIB }).workers, 3);
  });

  it('refuses with a reason where the CPU is not allowed', () => {
    const answer = plan(24, 13, { fallsBackToCpu: false });
    assert.deepEqual([answer.workers, answer.bytesPerWorker, answer.device], [0, null, null]);
    assert.match(
      answer.steps.join('\n'),
      /Refused: running on the CPU is switched off \(fallbackToCpuWhenConstrained/,
    );
  });

  it('takes off the reservation what a visible Ollama already holds', () => {
    const answer = planWorkers({
      totalBytes: 24 * GIB,
      freeBytes: 14 * GIB,
      ollamaHeldBytes: 9 * GIB,
      settings: DEFAULT_WORKER_SETTINGS,
    });
    assert.equal(answer.reservationBytes, 3 * GIB);
    assert.equal(answer.usableBytes, 10 * GIB);
  });

  it('knows the presets', () => {
    const answer = plan(24, 22, withPreset(DEFAULT_WORKER_SETTINGS, 'aggressive'));
    assert.deepEqual([answer.usableBytes, answer.workers], [10 * GIB, 2]);
    assert.equal(answer.source, 'preset aggressive');
    const conservative = plan(24, 22, withPreset(DEFAULT_WORKER_SETTINGS, 'conservative'));
    assert.deepEqual([conservative.workers, conservative.bytesPerWorker], [2, 4.5 * GIB]);
    const raised = plan(24, 22, {
      ...withPreset(DEFAULT_WORKER_SETTINGS, 'aggressive'),
      maxWorkers: 4,
    });
    assert.equal(raised.workers, 3);
    const careful = plan(24, 22, withPreset(DEFAULT_WORKER_SETTINGS, 'ultra-conservative'));
    assert.deepEqual([careful.usableBytes, careful.workers], [7 * GIB, 1]);
  });

  it('takes the whole card as free where free memory is not known, and never more than there is', () => {
    const unknown = planWorkers({
      totalBytes: 24 * GIB,
      freeBytes: null,
      settings: DEFAULT_WORKER_SETTINGS,
    });
    assert.equal(unknown.freeBytes, 24 * GIB);
    assert.match(unknown.steps.join('\n'), /not known/);
    assert.equal(plan(24, 30).freeBytes, 24 * GIB);
  });
});

describe('workerEnvironment', () => {
  it('hands over whole MiB, the device, and the card where there are several', () => {
    assert.deepEqual(workerEnvironment(plan(24, 22)), {
      VRAM_PILOT_WORKERS: '2',
      VRAM_PILOT_MIB_PER_WORKER: '4608',
      VRAM_PILOT_DEVICE: 'cuda',
    });
    assert.equal(workerEnvironment(plan(24, 22), 1)?.VRAM_PILOT_DEVICE, 'cuda:1');
    const cpu = workerEnvironment(plan(12, 11), 1);
    assert.deepEqual([cpu?.VRAM_PILOT_MIB_PER_WORKER, cpu?.VRAM_PILOT_DEVICE], ['0', 'cpu']);
    const thirds = plan(24, 23, { maxWorkers: 3, maxWorkersPerGib: 1 });
    assert.equal(workerEnvironment(thirds)?.VRAM_PILOT_MIB_PER_WORKER, '3413');
  });

  it('hands over nothing where the plan refuses', () => {
    assert.equal(workerEnvironment(plan(24, 13, { fallsBackToCpu: false })), null);
  });
});

describe('reservationForModel', () => {
  it('follows the size of the model', () => {
    assert.equal(reservationForModel(7), 8192 * MIB);
    assert.equal(reservationForModel(14), 12288 * MIB);
    assert.equal(reservationForModel(34), 18432 * MIB);
  });
});

describe('readWorkerConfig', () => {
  const read = (document: unknown) =>
    readWorkerConfig(JSON.stringify(document), DEFAULT_WORKER_SETTINGS, 'file.json');

  it('reads the section, MiB and GiB, and keeps defaults for the rest', () => {
    const answer = read({
      other: 1,
      gpu_resource_management: { ollama_vram_reservation_mb: 8192, min_vram_per_worker_gb: 2.5 },
    });
    assert.ok(answer.ok);
    assert.equal(answer.value.reservationBytes, 8 * GIB);
    assert.equal(answer.value.minimumBytesPerWorker, 2.5 * GIB);
    assert.equal(answer.value.maxWorkersPerGib, 0.25);
    assert.equal(answer.value.source, 'file.json');
  });

  it('names the field, what was found and what is allowed', () => {
    const wrong = read({ gpu_resource_management: { safety_buffer_mb: 'much' } });
    assert.ok(!wrong.ok);
    assert.match(
      wrong.failure.detail,
      /gpu_resource_management\.safety_buffer_mb: found "much", expected number/,
    );
    const negative = read({ gpu_resource_management: { max_workers_per_gb: 0 } });
    assert.ok(!negative.ok);
    assert.match(negative.failure.detail, /found 0, expected more than 0/);
    const missing = read({});
    assert.ok(!missing.ok);
    assert.ok(isAboutOthers('{"another_section": {}}'), 'it may be there without being meant');
    for (const meant of ['{"gpu_resource_management": 5}', '{', '[]x', '5'])
      assert.ok(!isAboutOthers(meant), meant);
    const broken = readWorkerConfig('{', DEFAULT_WORKER_SETTINGS, 'file.json');
    assert.ok(!broken.ok);
    assert.match(broken.failure.detail, /file\.json is not JSON/);
  });
});
