/** How a launch ended, told by the window that saw it to those that did not. */
import * as z from 'zod/mini';
import { STAGES, type Diagnosis, type EndReason } from '../../engines/engine';
import { noFacts } from '../../engines/startFacts';
import { parseJson } from '../../shared/json';
import { planOptionsSchema } from '../../shared/planRequest';
import type { Server } from '../state';

export interface LaunchFate {
  /** `removed`: taken off the list, because it was cancelled before it began or is no longer to be looked after. */
  readonly end: EndReason | 'removed';
  readonly exitCode: number | null;
  readonly endedAtMs: number;
  /** Its facts stay with the window that read them. */
  readonly diagnosis: Diagnosis | null;
}

const diagnosisSchema = z.object({
  engine: z.enum(['vllm', 'ollama']),
  engineVersion: z.nullable(z.string()),
  stage: z.enum(STAGES),
  result: z.enum(['ready', 'degraded', 'failed', 'stopped', 'running']),
  cause: z.nullable(
    z.object({
      id: z.string(),
      title: z.string(),
      evidence: z.array(z.object({ line: z.number(), text: z.string() })),
    }),
  ),
  remedy: z.nullable(z.object({ summary: z.string(), change: planOptionsSchema, why: z.string() })),
});

const fateSchema = z.object({
  end: z.enum(['stopped', 'failed', 'crashed', 'removed']),
  exitCode: z.nullable(z.number()),
  endedAtMs: z.number(),
  diagnosis: z.catch(z.nullable(diagnosisSchema), null),
});

export function fateOf(server: Server, nowMs: number): LaunchFate {
  const { endReason, exitCode, endedAtMs, diagnosis } = server;
  return { end: endReason ?? 'removed', exitCode, endedAtMs: endedAtMs ?? nowMs, diagnosis };
}

export function fateText({ end, exitCode, endedAtMs, diagnosis }: LaunchFate): string {
  const saved = { version: 1, end, exitCode, endedAtMs, diagnosis };
  return JSON.stringify(saved);
}

/** null where it cannot be read: then the launch has ended, and why is not known. */
export function parseFate(text: string): LaunchFate | null {
  const parsed = z.safeParse(fateSchema, parseJson(text));
  if (!parsed.success) return null;
  const { diagnosis, ...fate } = parsed.data;
  return { ...fate, diagnosis: diagnosis && { ...diagnosis, facts: noFacts } };
}
