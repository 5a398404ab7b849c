/**
 * Saved launches: `.vscode/vram-pilot.profiles.json` in the workspace (the file the CLI checks in CI), or the
 * extension's own storage where no folder is open. An unreadable file is never overwritten.
 */
import * as z from 'zod/mini';
import { fail, ok, type Result } from '../shared/failure';
import { wishSchema } from '../shared/wish';
import type { Files } from './ports';
import type { Profile } from './state';

const MAX_BYTES = 1_000_000;

const profileSchema = z.object({
  name: z.string(),
  engine: z._default(wishSchema.shape.engine, 'vllm'),
  model: wishSchema.shape.model,
  options: z._default(wishSchema.shape.options, {}),
  extraArguments: z._default(wishSchema.shape.extraArguments, []),
  port: z._default(wishSchema.shape.port, null),
  keepAlive: wishSchema.shape.keepAlive,
});

export const profilesFileSchema = z.object({
  version: z.literal(1),
  profiles: z.array(profileSchema),
});

export function parseProfiles(text: string): Result<Profile[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail('invalid', `not JSON: ${String(error)}`);
  }
  const parsed = z.safeParse(profilesFileSchema, json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fail('invalid', `${issue?.path.map(String).join('.') ?? ''} is missing or wrong`);
  }
  return ok(parsed.data.profiles.map(({ name, ...wish }) => ({ name, wish })));
}

export async function loadProfiles(files: Files, path: string): Promise<Result<Profile[]>> {
  if (!(await files.stat(path))) return ok([]);
  const text = await files.readText(path, MAX_BYTES);
  if (!text.ok) return text;
  const parsed = parseProfiles(text.value);
  return parsed.ok ? parsed : fail('invalid', `${path}: ${parsed.failure.detail}`);
}

/** Changes what the file holds now, not what it held when it was last read: a pull may have brought profiles. */
export async function changeProfiles(
  files: Files,
  path: string,
  change: (current: readonly Profile[]) => readonly Profile[],
): Promise<Result<readonly Profile[]>> {
  const current = await loadProfiles(files, path);
  if (!current.ok) return current;
  const profiles = change(current.value);
  const document = {
    version: 1,
    profiles: profiles.map(({ name, wish }) => ({ name, ...wish })),
  };
  const written = await files.writeAtomic(path, `${JSON.stringify(document, null, 2)}\n`);
  return written.ok ? ok(profiles) : written;
}
