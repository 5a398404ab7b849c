/** Reads the address of an Ollama server as people write it. */
import { OLLAMA_DEFAULT_PORT } from './command';

/** `"http://127.0.0.1:11434"` → host and port; the scheme may be missing, and so may the port: Ollama's own then. */
export function addressOf(base: string): { host: string; port: number } {
  const match = /^(?:https?:\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(base);
  return { host: match?.[1] ?? '127.0.0.1', port: Number(match?.[2] ?? OLLAMA_DEFAULT_PORT) };
}

/** Base of every request, without a slash at its end. People write the address as `OLLAMA_HOST` takes it, too. */
export function daemonUrl(host: string): string {
  const bare = host.trim().replace(/\/+$/, '');
  return /^https?:\/\//.test(bare) ? bare : `http://${bare}`;
}
