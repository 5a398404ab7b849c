/** What was read from hubs, a small file a model, so that a name is asked about once a day and known without a network. */
import * as z from 'zod/mini';
import { parseJson } from '../../shared/json';
import { modelRequestSchema } from '../../shared/planRequest';
import type { Files } from '../ports';

const MAX_FILES = 200;
const MAX_BYTES = 16 * 1024 ** 2;
const MAX_ENTRY_BYTES = 1024 ** 2;

const entrySchema = z.object({
  version: z.literal(1),
  /** Endpoint, revision, repository and file: another one's entry is never taken for this one's. */
  key: z.string(),
  /** The repository's when it was read; null where the hub doesn't say. */
  commit: z.nullable(z.string()),
  readAtMs: z.number(),
  facts: modelRequestSchema,
  basis: z.enum(['headers', 'config', 'gguf']),
  longestContext: z.nullable(z.number()),
  notes: z.array(z.string()),
});

export type HubEntry = z.infer<typeof entrySchema>;

export interface HubStore {
  /** null: never read, or its file is damaged. */
  find(key: string): Promise<HubEntry | null>;
  /** Replaces what was kept under the same key; the oldest entries go where there are too many. */
  keep(entry: HubEntry): Promise<void>;
}

export function openHubStore(files: Files, folder: string): HubStore {
  /** For a folder that can't be written: one look at the network a run. */
  const memory = new Map<string, HubEntry>();
  return {
    async find(key) {
      const remembered = memory.get(key);
      if (remembered) return remembered;
      const text = await files.readText(files.join(folder, fileName(key)), MAX_ENTRY_BYTES);
      const entry = text.ok ? parseEntry(text.value) : null;
      return entry?.key === key ? entry : null;
    },
    async keep(entry) {
      const text = JSON.stringify(entry);
      if (text.length > MAX_ENTRY_BYTES) return;
      const [oldest] = memory.keys();
      if (memory.size >= MAX_FILES && oldest !== undefined) memory.delete(oldest);
      memory.set(entry.key, entry);
      await files.writeAtomic(files.join(folder, fileName(entry.key)), text);
      await dropOldest(files, folder);
    },
  };
}

function parseEntry(text: string): HubEntry | null {
  const parsed = z.safeParse(entrySchema, parseJson(text));
  return parsed.success ? parsed.data : null;
}

async function dropOldest(files: Files, folder: string): Promise<void> {
  const names = (await files.list(folder)).filter((name) => /^[\w.-]+\.json$/.test(name));
  const kept = await Promise.all(
    names.map(async (name) => {
      const path = files.join(folder, name);
      return { path, facts: await files.stat(path) };
    }),
  );
  kept.sort((a, b) => (b.facts?.modifiedMs ?? 0) - (a.facts?.modifiedMs ?? 0));
  let bytes = 0;
  for (const [at, { path, facts }] of kept.entries()) {
    bytes += facts?.sizeBytes ?? 0;
    if (at > 0 && (at >= MAX_FILES || bytes > MAX_BYTES)) await files.remove(path);
  }
}

/** Readable, and apart also where a disk takes `A` for `a`; the key inside has the last word. */
function fileName(key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(-80);
  let hash = 0x811c9dc5;
  for (const character of key) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return `${readable}-${hash.toString(16).padStart(8, '0')}.json`;
}
