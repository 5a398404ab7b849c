/** `npm test` asks for full counts of long random tests by VRAM_PILOT_LONG=1; `npm run test:unit` is to be quick. */
export const inFull = <T>(full: T, short: T): T =>
  process.env.VRAM_PILOT_LONG === '1' ? full : short;
