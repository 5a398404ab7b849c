/** Tensor types of GGUF files: how many bytes a block of how many weights takes. */

export interface GgmlType {
  readonly name: string;
  readonly blockSize: number;
  readonly blockBytes: number;
}

/**
 * id, name, weights per block, bytes per block (ggml.c's type traits). 4 was Q4_2 until 2023; the gpt-oss files that
 * Ollama published first use it for MXFP4. 31–33 and 36–38 are repacked layouts that no current writer emits.
 */
const TYPES: readonly (readonly [number, string, number, number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [4, 'MXFP4', 32, 17],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [31, 'Q4_0_4_4', 32, 18],
  [32, 'Q4_0_4_8', 32, 18],
  [33, 'Q4_0_8_8', 32, 18],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [36, 'IQ4_NL_4_4', 32, 18],
  [37, 'IQ4_NL_4_8', 32, 18],
  [38, 'IQ4_NL_8_8', 32, 18],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
];

const BY_ID = new Map<number, GgmlType>();
const BY_NAME = new Map<string, GgmlType>();
for (const [id, name, blockSize, blockBytes] of TYPES) {
  const type = { name, blockSize, blockBytes };
  BY_ID.set(id, type);
  BY_NAME.set(name, type);
}

/** undefined: a type newer than this table. */
export function ggmlType(id: number): GgmlType | undefined {
  return BY_ID.get(id);
}

/** By the name that `/api/show` prints, any case. */
export function ggmlTypeNamed(name: string): GgmlType | undefined {
  return BY_NAME.get(name.toUpperCase());
}

/** Bytes of a tensor; null where its rows don't fill whole blocks. `shape[0]` is the row. */
export function ggmlTensorBytes(type: GgmlType, shape: readonly number[]): number | null {
  const elements = shape.reduce((product, dim) => product * dim, 1);
  if ((shape[0] ?? 1) % type.blockSize !== 0) return null;
  const bytes = (elements / type.blockSize) * type.blockBytes;
  return Number.isSafeInteger(bytes) ? bytes : null;
}
