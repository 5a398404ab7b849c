/** Text of a file that a command was given, or of standard input for `-`. */
import { fail, ok, type Result } from '../../shared/failure';
import { formatBytes, MIB } from '../../shared/units';
import type { CommandDoors } from './command';

/** Logs of weeks of serving stay below this; a weight file given by mistake does not. */
const MAX_TEXT_BYTES = 512 * MIB;
/** Outputs of GPU tools and small files of settings have some hundred KiB. */
export const MAX_DOCUMENT_BYTES = 4 * MIB;

export async function readInputText(
  doors: CommandDoors,
  path: string,
  maxBytes = MAX_TEXT_BYTES,
): Promise<Result<string>> {
  const tooLarge = (where: string, sizeBytes: number) =>
    fail(
      'invalid',
      `${where}: found ${formatBytes(sizeBytes)}, expected at most ${formatBytes(maxBytes)}`,
    );
  if (path === '-') {
    const text = await doors.readStdin();
    return text.length > maxBytes ? tooLarge('standard input', text.length) : ok(text);
  }
  const facts = await doors.files.stat(path);
  if (!facts) return fail('notFound', `${path} is missing or can't be read`);
  if (facts.kind === 'folder') return fail('unreadable', `${path} is a folder, not a file`);
  if (facts.sizeBytes > maxBytes) return tooLarge(path, facts.sizeBytes);
  return doors.files.readText(path, maxBytes);
}

export async function readInputJson(doors: CommandDoors, path: string): Promise<Result<unknown>> {
  const text = await readInputText(doors, path);
  if (!text.ok) return text;
  const where = path === '-' ? 'standard input' : path;
  if (text.value.trim() === '') return fail('invalid', `${where} is empty, expected JSON`);
  try {
    return ok(JSON.parse(text.value) as unknown);
  } catch (error) {
    return fail(
      'invalid',
      `${where} is not JSON: ${error instanceof Error ? error.message : 'no document'}`,
    );
  }
}
