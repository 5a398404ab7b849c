/**
 * Which of many patterns may match a line. Of each alternative of a pattern one short literal run is looked up, all of
 * them in a single pass over the line: nearly every line of a log rules out nearly every pattern that way.
 */

/** Characters of a looked-up run; shorter literals are in too many lines. */
const GRAM = 5;
const HASHES = 1 << 15;
const ASCII = 128;

export interface PatternIndex {
  /** Places of the patterns that may match, ascending. All others surely do not. */
  candidates(text: string): readonly number[];
}

interface Owner {
  readonly literal: string;
  readonly place: number;
}

/** @param patterns without the flag `i`: literals are compared as they are written. */
export function createPatternIndex(patterns: readonly RegExp[]): PatternIndex {
  /** 1 + place in `owners`, by hash; 0: no pattern has that run. */
  const bucketOf = new Uint16Array(HASHES);
  const owners: Owner[][] = [];
  /** Characters that some run begins with: a look at every other one is spared. */
  const begins = new Uint8Array(ASCII);
  /** What has no such run is searched for as it is. */
  const plain: Owner[] = [];
  const always: number[] = [];

  patterns.forEach((pattern, place) => {
    const runs = waysOf(pattern.source);
    if (pattern.ignoreCase || runs.includes(NONE)) return void always.push(place);
    for (const literals of runs) {
      const gram = rarestGram(literals);
      if (gram === null) {
        plain.push({ literal: longestOf(literals), place });
        continue;
      }
      begins[gram.charCodeAt(0)] = 1;
      const hash = hashAt(gram, 0);
      const bucket = bucketOf[hash] ?? 0;
      if (bucket > 0) owners[bucket - 1]?.push({ literal: gram, place });
      else bucketOf[hash] = owners.push([{ literal: gram, place }]);
    }
  });

  return {
    candidates(text) {
      let found: readonly number[] = always;
      for (let at = 0; at + GRAM <= text.length; at++) {
        const code = text.charCodeAt(at);
        if (code >= ASCII || begins[code] === 0) continue;
        const bucket = bucketOf[hashAt(text, at)] ?? 0;
        if (bucket > 0)
          for (const { literal, place } of owners[bucket - 1] ?? [])
            if (text.startsWith(literal, at)) found = withPlace(found, place);
      }
      for (const { literal, place } of plain)
        if (text.includes(literal)) found = withPlace(found, place);
      return found;
    },
  };
}

/** Of the characters after the first. */
const hashAt = (text: string, at: number): number =>
  ((text.charCodeAt(at + 1) << 10) ^
    (text.charCodeAt(at + 2) << 6) ^
    (text.charCodeAt(at + 3) << 3) ^
    text.charCodeAt(at + 4)) &
  (HASHES - 1);

/** Nearly always the only one: sorting a set took a third of reading a line. */
function withPlace(places: readonly number[], place: number): readonly number[] {
  const after = places.findIndex((one) => one >= place);
  if (after < 0) return [...places, place];
  return places[after] === place ? places : places.toSpliced(after, 0, place);
}

/** The most frequent first; capitals and marks are rarer than all of them. */
const FREQUENT = ' etaoinsrldcumhp/.gfw_bvky1023:-xjqz456789';

/** Said with every request, whatever its letters. */
const EVERYDAY =
  'GPU KV cache usage: | API server HTTP/1.1" 200 OK | slot n_tokens = | prompt progress';

/** Of those that begin with a space, else with a mark or a capital: so few places of a line are looked at. */
const rarestGram = (literals: readonly string[]): string | null =>
  rarestGramFrom(literals, /^ /) ?? rarestGramFrom(literals, /^[!-/:-`{-~]/);

function rarestGramFrom(literals: readonly string[], begin: RegExp): string | null {
  let [best, bestScore] = [null as string | null, -Infinity];
  for (const literal of literals)
    for (let at = 0; at + GRAM <= literal.length; at++) {
      const gram = literal.slice(at, at + GRAM);
      if (!begin.test(gram)) continue;
      let score = EVERYDAY.includes(gram.trim()) ? -GRAM * Math.log(FREQUENT.length) : 0;
      for (const character of gram) {
        const rank = FREQUENT.indexOf(character);
        score += Math.log(rank < 0 ? FREQUENT.length : rank + 1);
      }
      if (score > bestScore) [best, bestScore] = [gram, score];
    }
  return best;
}

/** The literals of each way to match; NONE among them: that way has none. */
function waysOf(source: string): readonly (readonly string[])[] {
  return alternativesOf(source).flatMap((alternative) => {
    const literals = literalsOf(alternative);
    if (literals !== NONE) return [literals];
    // what every match goes through has its literals in a group
    const inGroups = requiredGroupsOf(alternative).map(waysOf);
    return inGroups.find((ways) => !ways.includes(NONE)) ?? [NONE];
  });
}

/** What stands in the outermost groups that must match: neither optional, nor a look ahead or behind. */
function requiredGroupsOf(alternative: string): string[] {
  const groups: string[] = [];
  let group = '';
  const pieces = [...piecesOf(alternative)];
  pieces.forEach(({ text, depth }, at) => {
    if (depth > 0) group += text;
    if (depth !== 1 || text !== ')') return;
    const inside = /^\((?:\?(?::|<\w+>))?(?!\?)([^]*)\)$/.exec(group)?.[1];
    if (inside !== undefined && !/^[?*{]/.test(pieces[at + 1]?.text ?? '')) groups.push(inside);
    group = '';
  });
  return groups;
}

/** Splits at the bars outside of groups and classes. */
function alternativesOf(source: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (const { text, depth } of piecesOf(source)) {
    if (text === '|' && depth === 0) {
      parts.push(part);
      part = '';
    } else part += text;
  }
  return [...parts, part];
}

const NONE: readonly string[] = [];

/** Runs of characters that every match has side by side; NONE: there is none. */
function literalsOf(alternative: string): readonly string[] {
  const runs: string[] = [];
  let run = '';
  const end = () => {
    if (run !== '') runs.push(run);
    run = '';
  };
  const pieces = [...piecesOf(alternative)];
  pieces.forEach(({ text, depth }, at) => {
    const next = pieces[at + 1]?.text ?? '';
    const literal = depth === 0 ? literalOf(text) : null;
    // A quantifier takes its character out of the run: it may be missing or repeated.
    if (literal === null || /^[?*{]/.test(next)) end();
    else if (next === '+') {
      run += literal;
      end();
    } else run += literal;
  });
  end();
  return runs.length === 0 ? NONE : runs;
}

const longestOf = (literals: readonly string[]): string =>
  literals.reduce((longest, one) => (one.length > longest.length ? one : longest));

function literalOf(piece: string): string | null {
  if (/^\\[^\w\s]$/.test(piece)) return piece.slice(1);
  return /^[^\\[\](){}|.^$*+?]$/.test(piece) ? piece : null;
}

/** Characters, escapes, whole classes and whole quantifiers; `depth` counts the groups around, a group's own marks included. */
function* piecesOf(source: string): Generator<{ text: string; depth: number }> {
  const piece =
    /\\(?:u[\da-f]{4}|x[\da-f]{2}|k<[^>]+>|[^])|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[^]/gi;
  let depth = 0;
  for (const [text] of source.matchAll(piece)) {
    if (text === '(') depth += 1;
    yield { text, depth };
    if (text === ')') depth -= 1;
  }
}
