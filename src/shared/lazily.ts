/** Made at the first use: what is made while a file loads, every window waits for. */
export function lazily<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
