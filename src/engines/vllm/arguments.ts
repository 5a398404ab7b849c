/** Looks at arguments before a launch the way vLLM's parser will: a wrong one costs 20 s and ends in exit code 2. */
import { nearestName } from '../../shared/nearestName';
import { compareVersions } from '../engineVersion';
import type { PreflightProblem } from '../engine';
import { wordProblem } from './argumentWords';
import { flagRows, NEWEST_TABLED_VERSION, shortFormSince, type FlagRow } from './flagTable';
import { shortForms } from './shortForms';

/**
 * @param args what follows the model; flags with `_` or `-`, `--flag=value`, unique prefixes, dotted JSON keys and `-O3` are fine.
 * @param version null: the newest known.
 */
export function checkArguments(
  args: readonly string[],
  version: string | null,
): PreflightProblem[] {
  const problems: PreflightProblem[] = [];
  const seen = new Map<string, string>();
  for (const [index, argument] of args.entries()) {
    if (!looksLikeFlag(argument)) continue;
    const [asked = '', ...inline] = argument.split('=');
    const found = findFlag(asked, version);
    if ('problem' in found) {
      problems.push(found.problem);
      continue;
    }
    const before = seen.get(found.name);
    // JSON flags may be given key by key.
    if (before !== undefined && !asked.includes('.') && !before.includes('.'))
      problems.push({
        id: 'repeated_flag',
        text: `--${found.name} is given twice; the last one counts${placed.has(found.name) ? ', and the extension would look for the server in the wrong place' : ''}.`,
        blocking: placed.has(found.name),
      });
    seen.set(found.name, asked);
    const value = inline.length > 0 ? inline.join('=') : args[index + 1];
    const wrong = value === undefined ? null : wordProblem(found.name, value, version);
    if (wrong !== null) problems.push(wrong);
  }
  return problems;
}

/** Flags that say where the server listens: the extension sets them itself. */
const placed: ReadonlySet<string> = new Set(['host', 'port']);

/** Negative numbers are values. */
const looksLikeFlag = (argument: string): boolean => /^--?[A-Za-z]/.test(argument);

type Found = { readonly name: string } | { readonly problem: PreflightProblem };

function findFlag(asked: string, version: string | null): Found {
  const has = (row: FlagRow): boolean =>
    row.removedIn === null
      ? version === null || compareVersions(version, row.since) >= 0
      : version !== null &&
        compareVersions(version, row.since) >= 0 &&
        compareVersions(version, row.removedIn) < 0;

  if (!asked.startsWith('--')) return findShort(asked, version);
  const [base = ''] = asked.slice(2).replaceAll('_', '-').replace(/\+$/, '').split('.');
  const isNegated = base.startsWith('no-');
  const name = isNegated ? base.slice(3) : base;
  const exact = flagRows.find((row) => row.name === name && (!isNegated || row.isSwitch));
  if (exact && has(exact)) return { name };
  const opposite = oppositeName(name, version);
  if (
    opposite !== null &&
    flagRows.some((row) => row.name === opposite && row.isSwitch && has(row))
  )
    return { name: opposite };
  if (!exact) {
    const longer = flagRows.filter(
      (row) => row.name.startsWith(name) && (!isNegated || row.isSwitch) && has(row),
    );
    if (longer.length === 1 && longer[0]) return { name: longer[0].name };
    if (longer.length > 1) return { problem: ambiguous(asked, longer) };
  }
  if (exact) return { problem: notInVersion(asked, exact, version ?? NEWEST_TABLED_VERSION) };
  return { problem: unknown(asked, name, flagRows.filter(has), version) };
}

/** From 0.33 on every `--enable-x` has a `--disable-x`, and the other way round. */
const OPPOSITES_SINCE = '0.33.0';

function oppositeName(name: string, version: string | null): string | null {
  if (version !== null && compareVersions(version, OPPOSITES_SINCE) < 0) return null;
  if (name.startsWith('enable-')) return `disable-${name.slice('enable-'.length)}`;
  return name.startsWith('disable-') ? `enable-${name.slice('disable-'.length)}` : null;
}

/** `-tp`, `-O3`, `-cc.mode=none`. */
function findShort(asked: string, version: string | null): Found {
  if (/^-O(?:[0-3]|\.|$)/.test(asked)) return { name: 'optimization-level' };
  const [base = ''] = asked.split('.');
  const name = shortForms[base];
  const since = shortFormSince[base];
  if (name === undefined)
    return {
      problem: {
        id: 'unknown_flag',
        text: `vLLM knows no argument ${asked}.`,
        blocking: true,
      },
    };
  if (since !== undefined && version !== null && compareVersions(version, since) < 0)
    return {
      problem: {
        id: 'newer_flag',
        text: `${asked} came with vLLM ${since}; ${version} is installed. The long form is --${name}.`,
        blocking: true,
      },
    };
  return { name };
}

function notInVersion(asked: string, row: FlagRow, version: string): PreflightProblem {
  if (row.removedIn !== null && compareVersions(version, row.removedIn) >= 0)
    return {
      id: 'removed_flag',
      text: `${asked} was removed in vLLM ${row.removedIn}${row.replacement === null ? '' : `; in its place: ${row.replacement}`}.`,
      blocking: true,
    };
  return {
    id: 'newer_flag',
    text: `${asked} came with vLLM ${row.since}; ${version} is installed.`,
    blocking: true,
  };
}

function ambiguous(asked: string, rows: readonly FlagRow[]): PreflightProblem {
  const names = rows.slice(0, 4).map((row) => `--${row.name}`);
  return {
    id: 'ambiguous_flag',
    text: `${asked} could be ${names.join(', ')}${rows.length > names.length ? ' …' : ''}.`,
    blocking: true,
  };
}

function unknown(
  asked: string,
  name: string,
  rows: readonly FlagRow[],
  version: string | null,
): PreflightProblem {
  const nearest = nearestName(
    name,
    rows.map((row) => row.name),
  );
  return {
    id: 'unknown_flag',
    text: `vLLM knows no argument ${asked}${nearest === null ? '' : `; did you mean --${nearest}?`}`,
    blocking: version === null || compareVersions(version, NEWEST_TABLED_VERSION) <= 0,
  };
}
