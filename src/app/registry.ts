/**
 * Launches that outlive the window: one small file per launch in the extension's storage, written whole or not at
 * all. A file per launch needs no lock between windows.
 */
import * as z from 'zod/mini';
import { wishSchema } from '../shared/wish';
import type { LaunchRecord } from '../processes/process';
import type { Files, Log } from './ports';
import type { Server } from './state';

const MAX_BYTES = 1_000_000;

const identitySchema = z.object({ pid: z.number(), startTime: z.string(), bootId: z.string() });

const recordSchema = z.object({
  launchId: z.string(),
  engine: z.enum(['vllm', 'ollama']),
  main: identitySchema,
  pgid: z.nullable(z.number()),
  sid: z.nullable(z.number()),
  port: z.number(),
  seen: z._default(z.array(identitySchema), []),
});

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
  startedAtMs: z.number(),
  readyAtMs: z._default(z.nullable(z.number()), null),
  plannedBytesPerGpu: z._default(z.array(z.number()), []),
  simulated: z._default(z.boolean(), false),
  record: z.nullable(recordSchema),
});

const fileSchema = z.extend(savedSchema, { version: z.literal(1) });

export interface Registry {
  load(): Promise<Server[]>;
  save(server: Server): Promise<void>;
  remove(id: string): Promise<void>;
}

export function createRegistry(files: Files, folder: string, log: Log): Registry {
  const pathOf = (id: string) => files.join(folder, `${id}.json`);
  return {
    async load() {
      const servers: Server[] = [];
      for (const name of await files.list(folder)) {
        if (!name.endsWith('.json')) continue;
        const server = await read(files, files.join(folder, name));
        if (server) servers.push(server);
        else log.warn('registry', 'unreadable launch record left alone', { name });
      }
      return servers.sort((a, b) => a.startedAtMs - b.startedAtMs);
    },
    async save(server) {
      const { id, title, wish, command, host, port, servedModelName, engineVersion } = server;
      const { startedAtMs, readyAtMs, plannedBytesPerGpu, simulated, record } = server;
      const saved: z.infer<typeof fileSchema> = {
        version: 1,
        id,
        title,
        wish,
        command: { file: command.file, args: [...command.args], env: { ...command.env } },
        host,
        port,
        servedModelName,
        engineVersion,
        startedAtMs,
        readyAtMs,
        plannedBytesPerGpu: [...plannedBytesPerGpu],
        simulated,
        record: record && { ...record, seen: [...record.seen] },
      };
      const written = await files.writeAtomic(pathOf(id), JSON.stringify(saved));
      if (!written.ok)
        log.error('registry', 'could not write', { id, why: written.failure.detail });
    },
    remove: (id) => files.remove(pathOf(id)),
  };
}

async function read(files: Files, path: string): Promise<Server | null> {
  const text = await files.readText(path, MAX_BYTES);
  if (!text.ok) return null;
  const parsed = z.safeParse(fileSchema, parseJson(text.value));
  if (!parsed.success) return null;
  // once more for its own keys alone: the version is the file's, not the server's
  const saved = z.parse(savedSchema, parsed.data);
  const record: LaunchRecord | null = saved.record;
  return { ...newServer(saved), ...saved, record };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A server at the moment of its launch: nothing known yet but what was asked for. */
export function newServer(
  given: Pick<
    Server,
    | 'id'
    | 'title'
    | 'wish'
    | 'command'
    | 'host'
    | 'port'
    | 'servedModelName'
    | 'startedAtMs'
    | 'simulated'
  >,
): Server {
  return {
    ...given,
    phase: 'starting',
    stage: 'starting',
    progress: null,
    facts: null,
    engineVersion: null,
    stopRequested: false,
    endReason: null,
    diagnosis: null,
    exitCode: null,
    readyAtMs: null,
    endedAtMs: null,
    record: null,
    plannedBytesPerGpu: [],
    usedBytes: null,
    warnings: [],
    stillHeld: null,
    seen: true,
  };
}
