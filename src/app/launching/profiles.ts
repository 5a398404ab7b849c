/**
 * Saved launches: `.vscode/vram-pilot.profiles.json` in the workspace (the file the CLI checks in CI), or the
 * extension's own storage where no folder is open. An unreadable file is never overwritten.
 */
import * as z from 'zod/mini';
import { fail, ok, type Result } from '../../shared/failure';
import { wishSchema } from '../../shared/wish';
import type { Files } from '../ports';
import type { Profile } from '../state';

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

const profilesFileSchema = z.object({
  version: z.literal(1),
  profiles: z.array(profileSchema),
});

interface ProfilesFile {
  readonly profiles: Profile[];
  /** As it stands in the file, with what this version does not know. */
  readonly document: object;
  readonly entryOf: ReadonlyMap<Profile, unknown>;
}

const EMPTY: ProfilesFile = { profiles: [], document: {}, entryOf: new Map() };

export function parseProfiles(text: string): Result<Profile[]> {
  const parsed = parseFile(text);
  return parsed.ok ? ok(parsed.value.profiles) : parsed;
}

function parseFile(text: string): Result<ProfilesFile> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fail('invalid', `not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const parsed = z.safeParse(profilesFileSchema, json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.map(String).join('.') ?? '';
    return fail('invalid', `${where === '' ? 'the whole of it' : where} is missing or wrong`);
  }
  const profiles = parsed.data.profiles.map(({ name, ...wish }) => ({ name, wish }));
  const document = json as { readonly profiles: readonly unknown[] };
  const entryOf = new Map(profiles.map((profile, at) => [profile, document.profiles[at]]));
  return ok({ profiles, document, entryOf });
}

export async function loadProfiles(files: Files, path: string): Promise<Result<Profile[]>> {
  const loaded = await loadFile(files, path);
  return loaded.ok ? ok(loaded.value.profiles) : loaded;
}

async function loadFile(files: Files, path: string): Promise<Result<ProfilesFile>> {
  if (!(await files.stat(path))) return ok(EMPTY);
  const text = await files.readText(path, MAX_BYTES);
  if (!text.ok) return text;
  const parsed = parseFile(text.value);
  return parsed.ok ? parsed : fail('invalid', `${path}: ${parsed.failure.detail}`);
}

/**
 * Changes what the file holds now, not what it held when it was last read: a pull may have brought profiles. Those that
 * `change` hands back as they are keep their text, also what only a later version knows.
 */
export async function changeProfiles(
  files: Files,
  path: string,
  change: (current: readonly Profile[]) => readonly Profile[],
): Promise<Result<readonly Profile[]>> {
  const current = await loadFile(files, path);
  if (!current.ok) return current;
  const { entryOf } = current.value;
  const profiles = change(current.value.profiles);
  const document = {
    ...current.value.document,
    version: 1,
    profiles: profiles.map((profile) => entryOf.get(profile) ?? entryFor(profile)),
  };
  const written = await files.writeAtomic(path, `${JSON.stringify(document, null, 2)}\n`);
  return written.ok ? ok(profiles) : written;
}

const entryFor = ({ name, wish }: Profile) => ({ name, ...wish });
