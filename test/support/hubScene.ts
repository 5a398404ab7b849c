/** A hub of the app over real HTTP to a stand-in on loopback, with files, clock and log of tests. */
import assert from 'node:assert/strict';
import { createHub, type Hub } from '../../src/app/models/hub';
import type { ModelReading } from '../../src/app/models/modelReading';
import type { Http, HttpRequest } from '../../src/app/ports';
import { parseHubModel } from '../../src/models/hubModel';
import type { Result } from '../../src/shared/failure';
import { openHttp } from '../../src/system/http';
import { qwen600m } from '../fixtures/planner/configs';
import { RecordingLog, VirtualClock } from './fakePorts';
import { startHubServer, type HubServer } from './hubServer';
import { memoryFiles, type MemoryFiles } from './memoryFiles';
import { denseTensors, safetensorsHeader, shardedModel, specBytes } from './modelFiles';

export const HUB_CONFIG = qwen600m;
const TENSORS = denseTensors(HUB_CONFIG);
export const HUB_MODEL_BYTES = TENSORS.reduce((sum, tensor) => sum + specBytes(tensor), 0);
export const HUB_HEADER = safetensorsHeader(TENSORS);
export const HUB_MODEL = 'org/tiny';
export const HUB_CACHE = '/storage/hub';
/** A token that must show up nowhere. */
export const HUB_SECRET = 'hf_geheimgeheimgeheim';

export class HubScene {
  files: MemoryFiles = memoryFiles();
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  /** What the app asked for, before redirects. */
  readonly asked: HttpRequest[] = [];
  readonly environment: Record<string, string | undefined>;
  storedToken: string | null = null;
  /** Answers that were noted by `said`. */
  readonly texts: string[] = [];

  private constructor(readonly server: HubServer) {
    this.environment = { HF_ENDPOINT: server.endpoint };
  }

  static async start(): Promise<HubScene> {
    return new HubScene(await startHubServer());
  }

  /** The real door; only its patience is shortened. */
  private readonly http: Http = {
    request: (request) => {
      this.asked.push(request);
      return openHttp().request({ ...request, timeoutMs: Math.min(request.timeoutMs ?? 0, 250) });
    },
  };

  /** A new one is a new window: nothing in memory. */
  open(http: Http = this.http): Hub {
    return createHub({
      http,
      files: this.files,
      clock: this.clock,
      log: this.log,
      environment: () => this.environment,
      isAllowed: () => true,
      storedToken: () => Promise.resolve(this.storedToken),
      cacheFolder: HUB_CACHE,
    });
  }

  readAt(hub: Hub, name = HUB_MODEL, signal?: AbortSignal): Promise<Result<ModelReading>> {
    const model = parseHubModel(name);
    assert.ok(model, name);
    return hub.read(model, name, signal);
  }

  read(name = HUB_MODEL): Promise<Result<ModelReading>> {
    return this.readAt(this.open(), name);
  }

  async readOk(name = HUB_MODEL): Promise<ModelReading> {
    const reading = await this.read(name);
    assert.ok(reading.ok, reading.ok ? '' : reading.failure.detail);
    return reading.value;
  }

  putSingle(name = HUB_MODEL): void {
    this.server.put(`${name}/config.json`, JSON.stringify(HUB_CONFIG));
    this.server.put(`${name}/model.safetensors`, HUB_HEADER.bytes, HUB_HEADER.dataBytes);
  }

  putSharded(shards = 5): void {
    this.server.put(`${HUB_MODEL}/config.json`, JSON.stringify(HUB_CONFIG));
    const { index } = shardedModel(TENSORS, shards);
    this.server.put(`${HUB_MODEL}/model.safetensors.index.json`, index ?? '');
  }

  /** Requests and bytes of the last reading, as its line in the log has them. */
  counted(): number[] {
    const told = this.log.lines.findLast((line) => line.startsWith('info hub: read')) ?? '';
    return [/"requests":(\d+)/, /"bytes":(\d+)/].map((part) => Number(part.exec(told)?.[1]));
  }

  async said(reading: Promise<Result<ModelReading>>): Promise<void> {
    this.texts.push(JSON.stringify(await reading));
  }

  /** Log, answers and what is kept on disk. */
  async everythingSaid(): Promise<string> {
    const names = await this.files.list(HUB_CACHE);
    const kept = names.map((name) => this.files.text(`${HUB_CACHE}/${name}`) ?? '');
    assert.ok(kept.length > 0);
    return [...this.log.lines, ...this.texts, ...kept].join('\n');
  }
}

/** The reading's basis, or why there is none. */
export async function outcomeOf(reading: Promise<Result<ModelReading>>): Promise<string> {
  const result = await reading;
  return result.ok ? result.value.basis : result.failure.reason;
}
