/** Bytes a token takes in one KV head under each `--kv-cache-dtype` (vLLM reference 2.6). */

export interface KvDtype {
  /** As vLLM names it, `auto` resolved. */
  readonly id: string;
  /** K and V of one head and token; `mla`: the one latent vector. */
  readonly headBytes: (keyDim: number, valueDim: number) => number;
  readonly latentBytes: (dim: number) => number;
  /** Bytes of one element where the format is plain; decides the block of hybrid models. */
  readonly elementBytes: number;
}

const plain = (id: string, elementBytes: number): KvDtype => ({
  id,
  elementBytes,
  headBytes: (k, v) => (k + v) * elementBytes,
  latentBytes: (dim) => dim * elementBytes,
});

/** Two fp32 scales per head and token. */
const scaled = (id: string, bits: number): KvDtype => ({
  id,
  elementBytes: bits / 8,
  headBytes: (k, v) => ((k + v) * bits) / 8 + 8,
  latentBytes: (dim) => (dim * bits) / 8 + 8,
});

const turbo = (id: string, key: (d: number) => number, bits: number): KvDtype => ({
  id,
  elementBytes: 0.5,
  headBytes: (k, v) => {
    const bytes = key(k) + Math.ceil((v * bits) / 8) + 4;
    return bytes + (bytes % 2);
  },
  latentBytes: (dim) => dim,
});

const packed = (bits: number) => (d: number) => Math.ceil((d * bits) / 8) + 2;

const KNOWN: readonly KvDtype[] = [
  plain('fp8', 1),
  plain('fp8_e4m3', 1),
  plain('fp8_e5m2', 1),
  plain('fp8_inc', 1),
  plain('bfloat16', 2),
  plain('float16', 2),
  plain('float32', 4),
  scaled('fp8_per_token_head', 8),
  scaled('int8_per_token_head', 8),
  scaled('int4_per_token_head', 4),
  {
    id: 'nvfp4',
    elementBytes: 0.5625,
    headBytes: (k, v) => (k + v) / 2 + (k + v) / 16,
    latentBytes: (dim) => dim * 2,
  },
  turbo('turboquant_k8v4', (d) => d, 4),
  turbo('turboquant_4bit_nc', packed(4), 4),
  turbo('turboquant_k3v4_nc', packed(3), 4),
  turbo('turboquant_3bit_nc', packed(3), 3),
  {
    id: 'fp8_ds_mla',
    elementBytes: 1,
    headBytes: (k, v) => k + v,
    latentBytes: () => 656,
  },
];

/**
 * `auto` (or nothing) is the model's dtype, unless the checkpoint carries an fp8 KV scheme (reference 2.6). An unknown
 * name is treated like `auto`.
 */
export function kvDtypeOf(
  option: string | null | undefined,
  modelElementBytes: number,
  checkpointFp8: boolean,
): KvDtype {
  const id = (option ?? 'auto').toLowerCase();
  const known = KNOWN.find((row) => row.id === id);
  if (known) return known;
  return checkpointFp8 ? plain('fp8', 1) : plain('auto', modelElementBytes);
}

/** Any of the fp8 formats. */
export const isFp8Kv = (dtype: KvDtype): boolean => dtype.id.startsWith('fp8');
