import assert from 'node:assert/strict';
import { parsePlanRequest, type PlanRequest } from '../../src/shared/planRequest';
import { GIB } from '../../src/shared/units';

export interface OllamaAsked {
  readonly gguf?: Record<string, unknown>;
  readonly name?: string;
  readonly version?: string | null;
  /** GiB of each card, all of it free. */
  readonly gpus?: readonly number[];
  readonly options?: PlanRequest['options'];
}

export function askedOfOllama({
  gguf,
  name,
  version = '0.32.15',
  gpus = [24],
  options = {},
}: OllamaAsked): PlanRequest {
  const parsed = parsePlanRequest({
    engine: 'ollama',
    engineVersion: version,
    model: { name: name ?? null, gguf: gguf ?? null },
    gpus: gpus.map((gib) => ({ name: null, totalBytes: gib * GIB, freeBytes: gib * GIB })),
    options,
  });
  assert.ok(parsed.ok);
  return parsed.value;
}
