/** A card's name as people say it: rows and columns are narrow, and the figures beside it matter more. */

const MAKERS = /^(?:NVIDIA|AMD|Intel)\b(?:\(R\))?\s*/i;
const FAMILIES = /^(?:GeForce|Radeon|Instinct)\b(?:\(TM\))?\s*/i;

/** "NVIDIA GeForce RTX 4090" → "RTX 4090"; whole where nothing telling would be left ("AMD Radeon(TM) Graphics"). */
export function shortGpuName(name: string): string {
  const short = name
    .replace(MAKERS, '')
    .replace(FAMILIES, '')
    .replace(/\(TM\)| Generation$/g, '');
  return /\d/.test(short) ? short : name;
}
