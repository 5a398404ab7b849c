/** Chance that can be repeated. */

/** The next number from 0 up to, not including, 1. */
export type Random = () => number;

/** mulberry32: small, and good enough for choosing. The same seed gives the same numbers everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
