/**
 * The extension's launches as others may see them: read from its storage, changed by nobody here. With them the CLI
 * knows leftovers of servers that were started in the editor, and which servers are on record.
 */
import * as z from 'zod/mini';
import type { KnownLaunch } from '../../processes/scene';
import type { Environment, Files } from '../ports';
import { recordSchema } from './recordSchema';
import { parseJson } from '../../shared/json';

/** Names the extension's storage folder where it is at none of the usual places. */
export const STORAGE_VARIABLE = 'VRAM_PILOT_STORAGE';

const EXTENSION_STORAGE = ['User', 'globalStorage', 'vram-pilot.vram-pilot', 'launches'];
const EDITORS = ['Code', 'Code - Insiders', 'VSCodium', 'Cursor', 'Windsurf'];
/** Editors whose window is elsewhere keep their storage below the home folder. */
const REMOTE_FOLDERS = [
  ['.vscode-server', 'data'],
  ['.vscode-server-insiders', 'data'],
  ['.vscodium-server', 'data'],
  ['.cursor-server', 'data'],
  ['.windsurf-server', 'data'],
  ['.openvscode-server', 'data'],
  ['.local', 'share', 'code-server'],
];
const MAX_BYTES = 1_000_000;

const fileSchema = z.object({
  version: z.literal(1),
  origin: z._default(z.enum(['started', 'adopted']), 'started'),
  record: z.nullable(recordSchema),
});

/** null: no storage of the extension was found. */
export async function readRecordedLaunches(
  files: Files,
  environment: Environment,
): Promise<readonly KnownLaunch[] | null> {
  const launches = new Map<string, KnownLaunch>();
  let found = false;
  for (const folder of foldersOf(files, environment)) {
    if ((await files.stat(folder))?.kind !== 'folder') continue;
    found = true;
    for (const name of await files.list(folder)) {
      if (!name.endsWith('.json')) continue;
      const text = await files.readText(files.join(folder, name), MAX_BYTES);
      const launch = text.ok ? parse(text.value) : null;
      if (launch) launches.set(launch.record.launchId, launch);
    }
  }
  return found ? [...launches.values()] : null;
}

function foldersOf(files: Files, environment: Environment): readonly string[] {
  const named = environment[STORAGE_VARIABLE];
  if (named !== undefined && named !== '') return [files.join(named, 'launches')];
  const home = files.homeFolder();
  const roots = [
    environment.XDG_CONFIG_HOME ?? files.join(home, '.config'),
    files.join(home, 'Library', 'Application Support'),
    environment.APPDATA ?? files.join(home, 'AppData', 'Roaming'),
  ];
  return [
    ...roots.flatMap((root) => EDITORS.map((editor) => files.join(root, editor))),
    ...REMOTE_FOLDERS.map((parts) => files.join(home, ...parts)),
  ].map((folder) => files.join(folder, ...EXTENSION_STORAGE));
}

/** null: of another version, unreadable, or a launch without processes of its own. */
function parse(text: string): KnownLaunch | null {
  const parsed = z.safeParse(fileSchema, parseJson(text));
  if (!parsed.success || parsed.data.record === null) return null;
  const { origin, record } = parsed.data;
  return { record, origin: origin === 'adopted' ? 'adopted' : 'ours' };
}
