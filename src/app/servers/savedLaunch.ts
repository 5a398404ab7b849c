/** The file of one launch: what the window after this one, and every other window, needs to know of it. */
import * as z from 'zod/mini';
import { STAGES } from '../../engines/engine';
import { variablesWithoutSecrets } from '../../engines/vllm/keyArguments';
import { launchConditionsSchema } from '../../learning/learnedRecord';
import { identityKey } from '../../processes/tree';
import { parseJson } from '../../shared/json';
import { wishSchema } from '../../shared/wish';
import { newServer } from '../launching/newServer';
import { identitySchema, recordSchema } from './recordSchema';
import type { Server } from '../state';

/** Fields that newer versions added carry defaults, so that old records load. */
const savedSchema = z.object({
  id: z.string(),
  title: z.string(),
  wish: wishSchema,
  command: z.object({
    file: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
  }),
  host: z.string(),
  port: z.number(),
  servedModelName: z._default(z.string(), ''),
  engineVersion: z._default(z.nullable(z.string()), null),
  stage: z.catch(z.enum(STAGES), 'starting'),
  progress: z.catch(z.nullable(z.object({ done: z.number(), total: z.number() })), null),
  stopRequested: z._default(z.boolean(), false),
  startedAtMs: z.number(),
  readyAtMs: z._default(z.nullable(z.number()), null),
  plannedBytesPerGpu: z._default(z.array(z.number()), []),
  simulated: z._default(z.boolean(), false),
  origin: z._default(z.enum(['started', 'adopted']), 'started'),
  launch: z.optional(z.enum(['process', 'request'])),
  gpus: z._default(z.nullable(z.array(z.number())), null),
  queued: z._default(
    z.nullable(z.object({ sinceMs: z.number(), waitsFor: z.array(z.string()) })),
    null,
  ),
  owner: z._default(z.nullable(identitySchema), null),
  // what cannot be read of it costs a lesson, not the launch
  conditions: z.catch(z.nullable(launchConditionsSchema), null),
  record: z.nullable(recordSchema),
});

const fileSchema = z.extend(savedSchema, { version: z.literal(1) });
const versionSchema = z.object({ version: z.number() });

/** `foreign`: written by another version of this extension, which may still need it. */
export function parseLaunch(text: string): Server | 'foreign' | 'unreadable' {
  const json = parseJson(text);
  const parsed = z.safeParse(fileSchema, json);
  if (parsed.success) {
    // once more for its own keys alone: the version is the file's, not the server's
    const saved = z.parse(savedSchema, parsed.data);
    // old files do not say; without a process of its own it was a request to a daemon
    const launch = saved.launch ?? (saved.record ? 'process' : 'request');
    return { ...newServer(saved), ...saved, launch };
  }
  const version = z.safeParse(versionSchema, json);
  return version.success && version.data.version !== 1 ? 'foreign' : 'unreadable';
}

export function launchText(server: Server): string {
  const saved: z.infer<typeof fileSchema> = {
    version: 1,
    id: server.id,
    title: server.title,
    wish: server.wish,
    command: {
      file: server.command.file,
      args: [...server.command.args],
      env: variablesWithoutSecrets(server.command.env),
    },
    host: server.host,
    port: server.port,
    servedModelName: server.servedModelName,
    engineVersion: server.engineVersion,
    stage: server.stage,
    progress: server.progress,
    stopRequested: server.stopRequested,
    startedAtMs: server.startedAtMs,
    readyAtMs: server.readyAtMs,
    plannedBytesPerGpu: [...server.plannedBytesPerGpu],
    simulated: server.simulated,
    origin: server.origin,
    launch: server.launch,
    gpus: server.gpus && [...server.gpus],
    queued: server.queued && { ...server.queued, waitsFor: [...server.queued.waitsFor] },
    owner: server.owner,
    conditions: server.conditions,
    record: server.record && { ...server.record, seen: [...server.record.seen] },
  };
  return JSON.stringify(saved);
}

/** What one window knows is kept when another writes: who was ever seen, that it was ready, that it is to stop. */
export function mergeLaunch(before: Server, now: Server): Server {
  const stopRequested = before.stopRequested || now.stopRequested;
  // who writes believes that it still waits; its own window knows better
  if (now.queued && !before.queued) return { ...before, stopRequested };
  const known = new Set(now.record?.seen.map(identityKey));
  const others = (before.record?.seen ?? []).filter((one) => !known.has(identityKey(one)));
  return {
    ...now,
    readyAtMs: before.readyAtMs ?? now.readyAtMs,
    stopRequested,
    record: now.record ? { ...now.record, seen: [...now.record.seen, ...others] } : before.record,
  };
}
