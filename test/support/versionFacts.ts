/**
 * What vLLM's releases said about themselves (test/fixtures/facts/vllmVersions.json, written by `npm run facts`): the
 * flags of each real parser, the words it takes, and the defaults that it settled on for some launches.
 */
import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';

/** First release, last release, what holds from one to the other. */
const spans = <Value extends z.ZodMiniType>(value: Value) =>
  z.array(z.tuple([z.string(), z.string(), value]));
const words = z.record(z.string(), spans(z.literal(true)));

const flagSchema = z.object({
  /** `switch` has a `--no-` form, `bare` has none. */
  kind: z.enum([
    'switch',
    'bare',
    'choice',
    'text',
    'count',
    'humanCount',
    'humanCountOrAuto',
    'number',
    'json',
    'jsonOrText',
    'other',
  ]),
  aliases: z.optional(z.array(z.string())),
  choices: z.optional(z.array(z.nullable(z.union([z.string(), z.number()])))),
  values: z.optional(z.string()),
  default: z.optional(z.unknown()),
});

const settledSchema = z.object({
  engine: z.enum(['v0', 'v1']),
  maxNumSeqs: z.number(),
  maxNumBatchedTokens: z.number(),
  chunkedPrefill: z.boolean(),
  asyncScheduling: z.boolean(),
  prefixCaching: z.boolean(),
  blockSize: z.nullable(z.number()),
  utilization: z.number(),
  kvCacheDtype: z.string(),
  graphMode: z.nullable(z.string()),
  captureSizes: z.number(),
  largestCapture: z.number(),
  maxModelLen: z.number(),
});

const documentSchema = z.object({
  releases: z.record(
    z.string(),
    z.object({ distribution: z.string(), sha256: z.string(), standIns: z.array(z.string()) }),
  ),
  models: z.record(z.string(), z.record(z.string(), z.unknown())),
  cards: z.record(z.string(), z.tuple([z.string(), z.number(), z.tuple([z.number(), z.number()])])),
  asked: z.record(
    z.string(),
    z.object({
      model: z.string(),
      card: z.string(),
      usage: z.enum(['OPENAI_API_SERVER', 'LLM_CLASS']),
      options: z.record(z.string(), z.unknown()),
    }),
  ),
  flags: z.record(z.string(), spans(flagSchema)),
  quantization: words,
  loadFormats: words,
  kvCacheDtypes: words,
  toolParsers: words,
  cases: z.record(z.string(), spans(z.union([settledSchema, z.object({ error: z.string() })]))),
});

export type ReleaseFlag = z.infer<typeof flagSchema>;
export type SettledDefaults = z.infer<typeof settledSchema>;
type Document = z.infer<typeof documentSchema>;
type WordList = 'quantization' | 'loadFormats' | 'kvCacheDtypes' | 'toolParsers';

export interface ReleaseFacts {
  readonly version: string;
  /** By their long names, with dashes. */
  readonly flags: ReadonlyMap<string, ReleaseFlag>;
  /** `error`: the release refused, or could not be asked. */
  readonly cases: ReadonlyMap<string, SettledDefaults | { readonly error: string }>;
  words(list: WordList): string[];
}

export interface VersionFacts {
  readonly models: Document['models'];
  readonly cards: Document['cards'];
  readonly asked: Document['asked'];
  readonly pinned: Document['releases'];
  /** Oldest first. */
  readonly releases: readonly ReleaseFacts[];
}

export function readVersionFacts(): VersionFacts {
  const text = fs.readFileSync(path.resolve('test/fixtures/facts/vllmVersions.json'), 'utf8');
  const document = z.parse(documentSchema, JSON.parse(text));
  const versions = Object.keys(document.releases);
  const releases = versions.map((version, index): ReleaseFacts => {
    const valuesOf = <Value>(record: Record<string, [string, string, Value][]>) =>
      new Map(
        Object.entries(record).flatMap(([key, rows]) => {
          const row = rows.find(
            ([first, last]) => versions.indexOf(first) <= index && index <= versions.indexOf(last),
          );
          return row ? [[key, row[2]] as const] : [];
        }),
      );
    return {
      version,
      flags: valuesOf(document.flags),
      cases: valuesOf(document.cases),
      words: (list) => [...valuesOf(document[list]).keys()],
    };
  });
  return { ...document, pinned: document.releases, releases };
}
