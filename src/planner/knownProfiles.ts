/**
 * Models that people have run, or failed to run, on a card of a known size: shipped as data, extended by the user's
 * `vram-profiles.json`. What was learned on this machine comes before them, exact facts of the model are shown beside.
 */
import * as z from 'zod/mini';
import { parseJson } from '../shared/json';
import { fail, ok, type Result } from '../shared/failure';
import { knownProfileSchema, type KnownProfile } from '../shared/knownProfile';

/** Name of the user's own file, in the extension's storage and in the workspace's `.vscode` folder. */
export const KNOWN_PROFILES_FILE = 'vram-profiles.json';

const works = (
  model: string,
  weightsGb: number,
  inUseGb: number,
  gpuMemoryUtilization: number,
  more: Partial<KnownProfile> = {},
): KnownProfile => ({
  model,
  cardGib: 16,
  weightsGb,
  inUseGb,
  result: 'works',
  note: null,
  ...more,
  options: { gpuMemoryUtilization, maxModelLen: 4096, ...more.options },
});

const tooLarge = (model: string, weightsGb: number, inUseGb: number): KnownProfile => ({
  model,
  cardGib: 16,
  weightsGb,
  inUseGb,
  result: 'tooLarge',
  options: {},
  note: null,
});

const KNOWN_PROFILES: readonly KnownProfile[] = [
  works('Llama 3.2 1B', 2.5, 5.0, 0.9),
  works('Gemma 3 4B', 8.6, 11.0, 0.9),
  works('Qwen 3 4B', 7.6, 14.7, 0.8, { options: { enforceEager: true } }),
  works('Llama 3.2 3B', 6.0, 9.0, 0.9, { result: 'untested' }),
  tooLarge('Gemma 3 12B', 24, 27),
  tooLarge('Qwen 2.5 14B', 28, 31),
  {
    ...tooLarge('GPT-OSS 20B', 40, 43),
    result: 'incompatible',
    note: 'the vLLM of that time could not run it, which says nothing about its memory today',
  },
];

/** The user's file: a list of profiles under `profiles`, in the form above. */
export function readKnownProfiles(text: string): Result<readonly KnownProfile[]> {
  const document = parseJson(text);
  if (document === undefined) return fail('invalid', `${KNOWN_PROFILES_FILE} is not JSON`);
  const parsed = z.safeParse(z.object({ profiles: z.array(knownProfileSchema) }), document);
  if (parsed.success) return ok(parsed.data.profiles);
  const path = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  return fail('invalid', `${KNOWN_PROFILES_FILE}: ${path || 'the document'} is missing or wrong`);
}

/** Profiles of this model, the user's before the shipped ones. */
export function knownProfilesOf(
  modelName: string,
  own: readonly KnownProfile[] = [],
): readonly KnownProfile[] {
  const name = plain(modelName);
  return [...own, ...KNOWN_PROFILES].filter(({ model }) => {
    const at = name.indexOf(plain(model));
    // "Qwen 3 4B" is not in "qwen34b0" only if no digit follows; nor "Gemma 3 1B" in "gemma312b".
    return at >= 0 && !/\d/.test(name[at + plain(model).length] ?? '');
  });
}

/**
 * Profiles that say something about a card of this size: what worked on one no larger, what did not fit on one no
 * smaller. Only for models of which nothing but the name is known; exact facts are better than any of them.
 * @param cardBytes of the smallest card
 */
export function profilesForCard(
  modelName: string,
  cardBytes: number,
  own: readonly KnownProfile[] = [],
): readonly KnownProfile[] {
  // A "16 GB" card has 14.7 to 15.9 GiB.
  const gib = cardBytes / 2 ** 30;
  return knownProfilesOf(modelName, own).filter(({ result, cardGib }) =>
    result === 'tooLarge' ? gib <= cardGib : result !== 'incompatible' && gib >= 0.9 * cardGib,
  );
}

const plain = (text: string): string => text.toLowerCase().replaceAll(/[\s._-]/g, '');

const RESULT_WORDS: Readonly<Record<KnownProfile['result'], string>> = {
  works: 'works',
  untested: 'should work, untested',
  tooLarge: 'does not fit',
  incompatible: 'was incompatible',
};

/** Its settings in words; empty: it names none. */
export function settingsOfKnown({ options }: KnownProfile): string {
  const { gpuMemoryUtilization, maxModelLen, enforceEager } = options;
  return [
    gpuMemoryUtilization === undefined ? null : `utilization ${gpuMemoryUtilization.toFixed(2)}`,
    maxModelLen === undefined ? null : `context ${String(maxModelLen)}`,
    enforceEager === true ? 'eager' : null,
  ]
    .filter((setting) => setting !== null)
    .join(', ');
}

/** One line for people. */
export function describeKnown(profile: KnownProfile): string {
  const settings = settingsOfKnown(profile);
  return (
    `${profile.model} on a ${String(profile.cardGib)} GB card: ${RESULT_WORDS[profile.result]}` +
    `, weights ${String(profile.weightsGb)} GB` +
    (profile.inUseGb === null ? '' : `, ${String(profile.inUseGb)} GB in use`) +
    (settings === '' ? '' : `; ${settings}`) +
    (profile.note === null ? '' : ` (${profile.note})`)
  );
}
