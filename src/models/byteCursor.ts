/** Walks a file forwards by ranged reads that grow, so that a small header costs one small read and a big one few. */
import type { ByteSource } from './byteSource';
import { HeaderProblem } from './headerProblem';

const FIRST_READ_BYTES = 64 * 1024;
const LARGEST_READ_BYTES = 8 * 1024 * 1024;

export class ByteCursor {
  private bytes = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  /** Offset of `bytes[0]` in the file. */
  private start = 0;
  /** Offset of the next byte in the file; may lie behind what was read. */
  private at = 0;
  private nextRead = FIRST_READ_BYTES;
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly source: ByteSource,
    /** A header that goes on behind this offset is a lie. */
    private readonly limit: number,
  ) {}

  get position(): number {
    return this.at;
  }

  /** Bytes of the file that are still ahead. */
  get ahead(): number {
    return this.source.size - this.at;
  }

  /** Are the next `length` bytes in memory? */
  has(length: number): boolean {
    const from = this.at - this.start;
    return from >= 0 && from + length <= this.bytes.length;
  }

  /** Brings the next `length` bytes into memory. */
  async need(length: number): Promise<void> {
    if (this.has(length)) return;
    if (length > this.ahead)
      throw new HeaderProblem(`its header ends in the middle (at byte ${this.source.size})`);
    if (this.at + length > this.limit)
      throw new HeaderProblem(`its header is larger than ${this.limit} bytes`);
    const wanted = Math.min(this.ahead, Math.max(length, this.nextRead));
    this.nextRead = Math.min(LARGEST_READ_BYTES, this.nextRead * 2);
    this.bytes = new Uint8Array(await this.source.read(this.at, wanted));
    this.view = new DataView(this.bytes.buffer);
    this.start = this.at;
    if (!this.has(length)) throw new HeaderProblem('its header could not be read to the end');
  }

  skip(length: number): void {
    if (length > this.ahead)
      throw new HeaderProblem(`its header ends in the middle (at byte ${this.source.size})`);
    this.at += length;
  }

  /** The next number of `length` bytes, which must be in memory. */
  take<T>(length: number, read: (view: DataView, offset: number) => T): T {
    const value = read(this.view, this.at - this.start);
    this.at += length;
    return value;
  }

  u32(): number {
    return this.take(4, (view, offset) => view.getUint32(offset, true));
  }

  /** A count or a length: whole, and small enough to be exact. */
  u64(): number {
    const value = this.take(
      8,
      (view, offset) => view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32,
    );
    if (!Number.isSafeInteger(value)) throw new HeaderProblem(`its header has the count ${value}`);
    return value;
  }

  utf8(length: number): string {
    const from = this.at - this.start;
    this.at += length;
    return this.decoder.decode(this.bytes.subarray(from, from + length));
  }

  /** Passes `count` strings (length and text) without looking at them: 256,000 in a few milliseconds. */
  async skipStrings(count: number): Promise<void> {
    let left = count - this.skipBuffered(count);
    while (left > 0) {
      await this.need(8);
      this.skip(this.u64());
      left -= 1 + this.skipBuffered(left - 1);
    }
  }

  /** Passes strings whose lengths are in memory, at most `most`; how many. One loop, because there may be a million. */
  private skipBuffered(most: number): number {
    const last = this.bytes.length - 8;
    let from = this.at - this.start;
    let passed = 0;
    while (passed < most && from >= 0 && from <= last) {
      // a length beyond 4 GiB is left to the slow way, which refuses it
      if (this.view.getUint32(from + 4, true) !== 0) break;
      from += 8 + this.view.getUint32(from, true);
      passed++;
    }
    const to = this.start + from;
    if (to > this.source.size)
      throw new HeaderProblem(`its header ends in the middle (at byte ${this.source.size})`);
    this.at = to;
    return passed;
  }
}
