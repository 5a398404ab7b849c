/** Everything the user can set, parsed once per change. Equal to package.json by a contract test. */
import * as z from 'zod/mini';

const between = (low: number, high: number, fallback: number) =>
  z._default(z.number().check(z.gte(low), z.lte(high)), fallback);

const matching = (pattern: RegExp, fallback: string) =>
  z._default(z.string().check(z.regex(pattern)), fallback);

/** Absolute in Unix or Windows, or empty: found on PATH. */
const program = matching(/^$|^\/|^[A-Za-z]:[\\/]|^\\\\/, '');

export const settingSchemas = {
  'monitor.intervalSeconds': between(1, 60, 2),
  'monitor.source': z._default(
    z.enum([
      'auto',
      'nvidia-smi',
      'jetson',
      'amdgpu',
      'amd-smi',
      'rocm-smi',
      'intel',
      'xpu-smi',
      'ioreg',
      'windows-counters',
    ]),
    'auto',
  ),
  'monitor.executablePath': program,
  'statusBar.visibility': z._default(z.enum(['auto', 'always', 'never']), 'auto'),
  'statusBar.warnAtPercent': between(1, 100, 85),
  'planner.headroomMiB': between(0, 65536, 512),
  'vllm.executablePath': program,
  'vllm.defaultUtilization': between(0, 1, 0.7),
  'vllm.extraArguments': z._default(z.array(z.string()), []),
  'vllm.environment': z._default(z.record(z.string(), z.string()), {}),
  'ollama.executablePath': program,
  'ollama.host': matching(/^\S+$/, 'http://127.0.0.1:11434'),
  'coexistence.ollamaVramReservationMb': z._default(z.number().check(z.gte(0)), 12288),
  'coexistence.maxWorkersPerGb': z._default(z.number().check(z.gt(0)), 0.25),
  'coexistence.minVramPerWorkerGb': z._default(z.number().check(z.gt(0)), 3),
  'coexistence.maxWorkers': z._default(z.int().check(z.gte(1)), 2),
  'coexistence.enableOllamaDetection': z._default(z.boolean(), true),
  'coexistence.fallbackToCpuWhenConstrained': z._default(z.boolean(), true),
  'coexistence.safetyBufferMb': z._default(z.number().check(z.gte(0)), 1024),
  'hub.allowRequests': z._default(z.boolean(), false),
  'launch.oneAtATime': z._default(z.boolean(), true),
  'learning.enabled': z._default(z.boolean(), true),
  'learning.teamFile': z._default(z.boolean(), false),
  'cleanUp.protect': z._default(z.array(z.string()), []),
  simulate: z._default(z.boolean(), false),
} as const;

export type SettingKey = keyof typeof settingSchemas;
export type Settings = { readonly [K in SettingKey]: z.infer<(typeof settingSchemas)[K]> };

/** A wrong value falls back to its default and is reported, so that one typo doesn't disable the rest. */
export function parseSettings(read: (key: SettingKey) => unknown): {
  settings: Settings;
  invalid: { key: SettingKey; found: string }[];
} {
  const invalid: { key: SettingKey; found: string }[] = [];
  const entries = (Object.keys(settingSchemas) as SettingKey[]).map((key) => {
    const found = read(key) ?? undefined;
    const parsed = z.safeParse(settingSchemas[key], found);
    if (parsed.success) return [key, parsed.data] as const;
    invalid.push({ key, found: shown(key, found) });
    return [key, z.parse(settingSchemas[key], undefined)] as const;
  });
  return { settings: Object.fromEntries(entries) as Settings, invalid };
}

/** As it was written, shortened; of an environment only its kind, because its values may be secrets. */
function shown(key: SettingKey, found: unknown): string {
  if (key === 'vllm.environment')
    return Array.isArray(found)
      ? 'a list'
      : typeof found === 'object'
        ? 'values other than text'
        : `a ${typeof found}`;
  return JSON.stringify(found).slice(0, 80);
}

let defaults: Settings | null = null;

/** Read once: each drawing of the gauge asks. */
export function settingDefaults(): Settings {
  defaults ??= parseSettings(() => undefined).settings;
  return defaults;
}
