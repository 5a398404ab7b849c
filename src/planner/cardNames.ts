/** Memory of cards by name, for a plan against a card that is not in this machine. MiB as nvidia-smi prints them. */
import { MIB } from '../shared/units';

export interface NamedCard {
  /** As the driver names it. */
  readonly name: string;
  readonly totalBytes: number;
  readonly memory: 'dedicated' | 'unified';
}

interface CardRow {
  /** Matched against the name without vendor words, upper case, single blanks. */
  readonly pattern: RegExp;
  readonly name: string;
  readonly mib: number;
  readonly memory?: 'unified';
}

/** First match wins: the larger variant of a card comes before the plain name, which stands for the smaller one. */
const CARDS: readonly CardRow[] = [
  nvidia(/^(?:RTX )?5090$/, 'GeForce RTX 5090', 32607),
  nvidia(/^(?:RTX )?5080$/, 'GeForce RTX 5080', 16303),
  nvidia(/^(?:RTX )?5070 TI$/, 'GeForce RTX 5070 Ti', 16303),
  nvidia(/^(?:RTX )?5070$/, 'GeForce RTX 5070', 12227),
  nvidia(/^(?:RTX )?5060 TI 8 ?GB$/, 'GeForce RTX 5060 Ti', 8151),
  nvidia(/^(?:RTX )?5060 TI(?: 16 ?GB)?$/, 'GeForce RTX 5060 Ti', 16311),
  nvidia(/^(?:RTX )?5060$/, 'GeForce RTX 5060', 8151),
  nvidia(/^(?:RTX )?4090$/, 'GeForce RTX 4090', 24564),
  nvidia(/^(?:RTX )?4080(?: SUPER)?$/, 'GeForce RTX 4080', 16376),
  nvidia(/^(?:RTX )?4070 TI SUPER$/, 'GeForce RTX 4070 Ti SUPER', 16376),
  nvidia(/^(?:RTX )?4070(?: TI| SUPER)?$/, 'GeForce RTX 4070', 12282),
  nvidia(/^(?:RTX )?4060 TI 16 ?GB$/, 'GeForce RTX 4060 Ti', 16380),
  nvidia(/^(?:RTX )?4060(?: TI)?(?: 8 ?GB)?$/, 'GeForce RTX 4060', 8188),
  nvidia(/^(?:RTX )?3090(?: TI)?$/, 'GeForce RTX 3090', 24576),
  nvidia(/^(?:RTX )?3080(?: TI| 12 ?GB)$/, 'GeForce RTX 3080 Ti', 12288),
  nvidia(/^(?:RTX )?3080(?: 10 ?GB)?$/, 'GeForce RTX 3080', 10240),
  nvidia(/^(?:RTX )?3070(?: TI)?$/, 'GeForce RTX 3070', 8192),
  nvidia(/^(?:RTX )?3060 (?:TI|8 ?GB)$/, 'GeForce RTX 3060 Ti', 8192),
  nvidia(/^(?:RTX )?3060(?: 12 ?GB)?$/, 'GeForce RTX 3060', 12288),
  nvidia(/^(?:RTX )?2080 TI$/, 'GeForce RTX 2080 Ti', 11264),
  nvidia(/^(?:RTX )?20[78]0(?: SUPER)?$/, 'GeForce RTX 2080', 8192),
  nvidia(/^(?:GTX )?1080 TI$/, 'GeForce GTX 1080 Ti', 11264),
  nvidia(/^(?:RTX )?3050(?: 8 ?GB)?$/, 'GeForce RTX 3050', 8192),
  nvidia(/^(?:RTX )?2060$/, 'GeForce RTX 2060', 6144),
  nvidia(/^TITAN RTX$/, 'TITAN RTX', 24576),
  nvidia(/^RTX PRO 5000\b.*$/, 'RTX PRO 5000 Blackwell', 48935),
  nvidia(/^RTX PRO 6000\b.*$/, 'RTX PRO 6000 Blackwell Workstation Edition', 97887),
  nvidia(/^RTX 5000 ADA\b.*$/, 'RTX 5000 Ada Generation', 32760),
  nvidia(/^RTX 4500 ADA\b.*$/, 'RTX 4500 Ada Generation', 24570),
  nvidia(/^RTX 4000 (?:SFF )?ADA\b.*$/, 'RTX 4000 Ada Generation', 20475),
  nvidia(/^RTX 2000 ADA\b.*$/, 'RTX 2000 Ada Generation', 16380),
  nvidia(/^RTX 6000 ADA\b.*$/, 'RTX 6000 Ada Generation', 49140),
  nvidia(/^(?:RTX )?A6000$/, 'RTX A6000', 49140),
  nvidia(/^(?:RTX )?A5000$/, 'RTX A5000', 24564),
  nvidia(/^(?:RTX )?A4000$/, 'RTX A4000', 16376),
  nvidia(/^A100\b.*\b80 ?GB?$/, 'A100-SXM4-80GB', 81920),
  nvidia(/^A100\b.*$/, 'A100-SXM4-40GB', 40960),
  nvidia(/^A40$/, 'A40', 46068),
  nvidia(/^A30$/, 'A30', 24576),
  nvidia(/^A10G?$/, 'A10', 23028),
  nvidia(/^A2$/, 'A2', 15356),
  nvidia(/^L40S?$/, 'L40S', 46068),
  nvidia(/^L4$/, 'L4', 23034),
  nvidia(/^H20\b.*$/, 'H20', 97871),
  nvidia(/^H800\b.*$/, 'H800', 81559),
  nvidia(/^A800\b.*\b80 ?GB?$/, 'A800-SXM4-80GB', 81920),
  nvidia(/^H100 NVL$/, 'H100 NVL', 95830),
  nvidia(/^H100\b.*$/, 'H100 80GB HBM3', 81559),
  nvidia(/^GH200\b.*$/, 'GH200 480GB', 97871),
  nvidia(/^H200\b.*$/, 'H200', 143771),
  nvidia(/^B200$/, 'B200', 183359),
  nvidia(/^V100\b.*\b32 ?GB?$/, 'Tesla V100-SXM2-32GB', 32768),
  nvidia(/^V100\b.*$/, 'Tesla V100-SXM2-16GB', 16384),
  nvidia(/^P100\b.*$/, 'Tesla P100-PCIE-16GB', 16384),
  nvidia(/^P40$/, 'Tesla P40', 24576),
  nvidia(/^T4$/, 'Tesla T4', 15360),
  { pattern: /^MI355X$/, name: 'AMD Instinct MI355X', mib: 294896 },
  { pattern: /^MI325X$/, name: 'AMD Instinct MI325X', mib: 262128 },
  { pattern: /^MI210$/, name: 'AMD Instinct MI210', mib: 65520 },
  { pattern: /^(?:PRO )?W7900$/, name: 'AMD Radeon PRO W7900', mib: 49136 },
  { pattern: /^MI300X$/, name: 'AMD Instinct MI300X', mib: 196592 },
  { pattern: /^(?:RX )?7900 XTX$/, name: 'AMD Radeon RX 7900 XTX', mib: 24560 },
  { pattern: /^(?:RX )?7900 XT$/, name: 'AMD Radeon RX 7900 XT', mib: 20464 },
  { pattern: /^(?:GB10|DGX SPARK)$/, name: 'NVIDIA GB10', mib: 122572, memory: 'unified' },
];

function nvidia(pattern: RegExp, name: string, mib: number): CardRow {
  return { pattern, name: `NVIDIA ${name}`.replace('NVIDIA Tesla', 'Tesla'), mib };
}

/** `RTX 4090`, `NVIDIA GeForce RTX 4090`, `H100`, `A100 80GB`; null for a card that is not in the table. */
export function cardByName(name: string): NamedCard | null {
  const plain = plainName(name);
  const slice = sliceOf(name, plain);
  if (slice) return slice;
  const row = CARDS.find(({ pattern }) => pattern.test(plain));
  if (!row) return null;
  return { name: row.name, totalBytes: row.mib * MIB, memory: row.memory ?? 'dedicated' };
}

/** Sold in two sizes; without one in its name such a card's total is not known. */
const TWO_SIZES = /^(?:A100|A800|V100|(?:RTX )?(?:3050|3060|3080|4060 TI|5060 TI))\b/;
const SIZE_WORD = /\d ?GB?\b/;

/**
 * A plan request before it is parsed: GPUs without `totalBytes` get that of the card they name, where the name leaves no
 * choice. Everything else stays as it is, for the parser to judge.
 */
export function withCardTotals(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('gpus' in input)) return input;
  const { gpus } = input;
  if (!Array.isArray(gpus)) return input;
  return { ...input, gpus: gpus.map(withCardTotal) };
}

function withCardTotal(gpu: unknown): unknown {
  if (typeof gpu !== 'object' || gpu === null) return gpu;
  const { name, totalBytes } = gpu as { name?: unknown; totalBytes?: unknown };
  if (typeof name !== 'string' || (totalBytes !== undefined && totalBytes !== null)) return gpu;
  const plain = plainName(name);
  const card = TWO_SIZES.test(plain) && !SIZE_WORD.test(plain) ? null : cardByName(name);
  return card ? { memory: card.memory, ...gpu, totalBytes: card.totalBytes } : gpu;
}

function plainName(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/\b(?:NVIDIA|GEFORCE|TESLA|QUADRO|AMD|RADEON|INSTINCT)\b/g, ' ')
    .replaceAll(/[-_]/g, ' ')
    .replaceAll(/\b(RTX|GTX|RX)(?=\d)/g, '$1 ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** A MIG slice (`A100 1g.10gb`): its name says its gigabytes, of which nvidia-smi shows 95 to 98 %. */
function sliceOf(name: string, plain: string): NamedCard | null {
  const gigabytes = /\b[1-7]G\.(\d{1,3})GB\b/.exec(plain)?.[1];
  if (gigabytes === undefined) return null;
  return {
    name: name.trim(),
    totalBytes: Math.floor(Number(gigabytes) * 1024 * 0.95) * MIB,
    memory: 'dedicated',
  };
}
