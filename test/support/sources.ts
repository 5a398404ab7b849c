/** Byte sources for header tests. */
import type { ByteSource } from '../../src/models/byteSource';

export interface CountingSource extends ByteSource {
  readonly reads: { offset: number; length: number }[];
}

/** A file of `size` bytes of which only the start exists: what follows a header is never worth having in a test. */
export function sourceOf(start: Uint8Array, size = start.length): CountingSource {
  const reads: CountingSource['reads'] = [];
  return {
    size,
    reads,
    read(offset, length) {
      reads.push({ offset, length });
      const wanted = Math.max(0, Math.min(length, size - offset));
      const bytes = new Uint8Array(wanted);
      bytes.set(start.subarray(offset, offset + wanted).subarray(0, wanted));
      return Promise.resolve(bytes);
    },
  };
}
