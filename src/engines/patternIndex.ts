/**
 * Which of many patterns may match a line. Of each alternative of a pattern one short literal run is looked up, all of
 * them in a single pass over the line: nearly every line of a log rules out nearly every pattern that way.
 */

/** Characters of a looked-up run; shorter literals are in too many lines. */
const GRAM = 5;
const BITS = 15;
/** Each character shifts the hash by this: after GRAM of them the oldest has fallen out at the top. */
const SHIFT = BITS / GRAM;

export interface PatternIndex {
  /** Places of the patterns that may match, ascending. All others surely do not. */
  candidates(text: string): readonly number[];
}

/** @param patterns without the flag `i`: literals are compared as they are written. */
export function createPatternIndex(patterns: readonly RegExp[]): PatternIndex {
  /** 1 + place in `owners`, by hash; 0: no pattern has that run. */
  const bucketOf = new Uint16Array(1 << BITS);
  const owners: { readonly gram: string; readonly place: number }[][] = [];
  const always: number[] = [];
  patterns.forEach((pattern, place) => {
    const grams = alternativesOf(pattern.source).map((one) => rarestGram(longestLiteral(one)));
    if (pattern.ignoreCase || grams.includes(null)) return void always.push(place);
    for (const gram of grams.filter((one) => one !== null)) {
      const hash = hashAt(gram, 0);
      const bucket = bucketOf[hash] ?? 0;
      if (bucket > 0) owners[bucket - 1]?.push({ gram, place });
      else bucketOf[hash] = owners.push([{ gram, place }]);
    }
  });

  return {
    candidates(text) {
      let found: Set<number> | null = null;
      let hash = hashAt(text, 0);
      for (let at = GRAM; at <= text.length; at++) {
        const bucket = bucketOf[hash] ?? 0;
        if (bucket > 0)
          for (const { gram, place } of owners[bucket - 1] ?? [])
            if (text.startsWith(gram, at - GRAM)) (found ??= new Set(always)).add(place);
        hash = nextHash(hash, text.charCodeAt(at));
      }
      return found === null ? always : [...found].sort((a, b) => a - b);
    },
  };
}

const nextHash = (hash: number, code: number): number =>
  ((hash << SHIFT) ^ (code * 0x9d)) & ((1 << BITS) - 1);

function hashAt(text: string, start: number): number {
  let hash = 0;
  for (let at = start; at < start + GRAM; at++) hash = nextHash(hash, text.charCodeAt(at));
  return hash;
}

/** The most frequent first; capitals and marks are rarer than all of them. */
const FREQUENT = ' etaoinsrldcumhp/.gfw_bvky1023:-xjqz456789';

function rarestGram(literal: string): string | null {
  let [best, bestScore] = [null as string | null, -Infinity];
  for (let at = 0; at + GRAM <= literal.length; at++) {
    const gram = literal.slice(at, at + GRAM);
    let score = 0;
    for (const character of gram) {
      const rank = FREQUENT.indexOf(character);
      score += Math.log(rank < 0 ? FREQUENT.length : rank + 1);
    }
    if (score > bestScore) [best, bestScore] = [gram, score];
  }
  return best;
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

/** Of characters that every match has side by side. */
function longestLiteral(alternative: string): string {
  let [longest, run] = ['', ''];
  const end = () => {
    if (run.length > longest.length) longest = run;
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
  return longest;
}

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
