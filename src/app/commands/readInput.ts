/** Text of a file that a command was given, or of standard input for `-`. */
import { fail, ok, type Result } from '../../shared/failure';
import type { CommandDoors } from './command';

/** Logs of weeks of serving stay below this; a weight file given by mistake does not. */
const MAX_TEXT_BYTES = 512 * 1024 * 1024;

export async function readInputText(doors: CommandDoors, path: string): Promise<Result<string>> {
  if (path === '-') return ok(await doors.readStdin());
  const facts = await doors.files.stat(path);
  if (!facts) return fail('notFound', `${path} is missing or can't be read`);
  if (facts.kind === 'folder') return fail('unreadable', `${path} is a folder, not a file`);
  return doors.files.readText(path, MAX_TEXT_BYTES);
}

export async function readInputJson(doors: CommandDoors, path: string): Promise<Result<unknown>> {
  const text = await readInputText(doors, path);
  if (!text.ok) return text;
  try {
    return ok(JSON.parse(text.value) as unknown);
  } catch (error) {
    const where = path === '-' ? 'standard input' : path;
    return fail(
      'invalid',
      `${where} is not JSON: ${error instanceof Error ? error.message : 'no document'}`,
    );
  }
}
