/** What header readers read from: a file (by ranges), a buffer in tests, later a hub over HTTP. */
export interface ByteSource {
  /** Size of the whole file in bytes. */
  readonly size: number;
  /** Bytes from `offset`; shorter than `length` only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
}
