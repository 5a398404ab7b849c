/** Is a flag's value one that the installed vLLM knows? A wrong one costs as much time as a wrong flag. */
import { compareVersions, isWithin, type VersionSpan } from '../engineVersion';
import type { PreflightProblem } from '../engine';
import { flagWords } from './flagWords';

/** First release whose words were read. */
const OLDEST_READ = '0.9.0';

/** What took the place of words that are gone. */
const plugins: Readonly<Record<string, string>> = {
  gguf: 'pip install vllm-gguf-plugin brings it back',
  bitsandbytes: 'pip install vllm-bnb-plugin brings it back',
};

/**
 * @param name of the flag, without dashes
 * @param value as given on the command line
 * @returns null where the value is known, or nothing is known about the flag's values in that version
 */
export function wordProblem(
  name: string,
  value: string,
  version: string | null,
): PreflightProblem | null {
  const known = flagWords[name];
  if (!known || !isWithin(known.limited, version)) return null;
  if (version !== null && compareVersions(version, OLDEST_READ) < 0) return null;
  const spans = spansOf(known.words);
  const own = spans.filter(({ word }) => word === value);
  if (own.some((span) => isWithin(span, version))) return null;
  const there = spans.filter((span) => isWithin(span, version)).map(({ word }) => word);
  return {
    id: 'unknown_word',
    text: `--${name} ${value}: ${reason(own, version)}${plugins[value] === undefined ? `; it takes ${there.join(', ')}` : `; ${plugins[value]}`}.`,
    blocking: !known.isOpen,
  };
}

function reason(own: readonly VersionSpan[], version: string | null): string {
  const [first] = own;
  const last = own.at(-1);
  if (first?.since !== undefined && version !== null && compareVersions(version, first.since) < 0)
    return `came with vLLM ${first.since}; ${version} is installed`;
  if (last?.until !== undefined) return `was removed in vLLM ${last.until}`;
  return 'vLLM knows no such value';
}

interface WordSpan extends VersionSpan {
  readonly word: string;
}

function spansOf(words: string): WordSpan[] {
  return words
    .trim()
    .split(/\s+/)
    .map((token) => {
      const [word = '', span = ''] = token.split('@');
      const [since = '', until = ''] = span.split('-');
      return { word, ...(since !== '' && { since }), ...(until !== '' && { until }) };
    });
}
