/** Which model it was, without saying where it lies. */
import type { ModelRequest } from '../shared/planRequest';
import type { ModelIdentity } from './learnedRecord';

/** GGUF keys that tell models apart and that every version of this extension reads alike. */
const GGUF_KEYS = [
  'architecture',
  'block_count',
  'embedding_length',
  'vocab_size',
  'expert_count',
  'fileBytes',
] as const;

/** @param wished as the user named it: a Hub name, an Ollama tag or a path. */
export function modelIdentity(wished: string, facts: ModelRequest): ModelIdentity {
  return { name: nameWithoutPath(facts.name ?? wished), fingerprint: fingerprintOf(facts) };
}

/** One model, as far as both are known; Ollama's `llama3` and `llama3:latest` are one. */
export function isSameModel(a: ModelIdentity, b: ModelIdentity): boolean {
  if (plainTag(a.name) !== plainTag(b.name)) return false;
  return a.fingerprint === null || b.fingerprint === null || a.fingerprint === b.fingerprint;
}

const plainTag = (name: string): string => name.replace(/:latest$/, '');

/** `/home/me/models/Qwen3-4B/` → `Qwen3-4B`; `Qwen/Qwen3-4B` and `hf.co/org/name:Q4_K_M` stay. */
export function nameWithoutPath(name: string): string {
  return isPath(name) ? (name.split(/[/\\]/).findLast((part) => part !== '') ?? '') : name;
}

/** Absolute, relative to the home or the working folder, of a drive or a URL, or deeper than any Hub name. */
export function isPath(text: string): boolean {
  if (/^(\.{0,2}[/\\]|~|[A-Za-z]:[/\\]|[a-z]+:\/\/)/.test(text) || text.includes('\\')) return true;
  return text.split('/').length > (/^(hf\.co|huggingface\.co)\//.test(text) ? 3 : 2);
}

function fingerprintOf({ config, gguf, weightsBytes, weights }: ModelRequest): string | null {
  if (config) return `config:${hash(JSON.stringify(config))}`;
  if (gguf) return `gguf:${hash(JSON.stringify(GGUF_KEYS.map((key) => gguf[key] ?? null)))}`;
  const bytes = weights?.totalBytes ?? weightsBytes ?? null;
  return bytes === null ? null : `bytes:${String(bytes)}`;
}

/** FNV-1a over UTF-16 units, run twice with different starts: names apart, keeps no secret. */
function hash(text: string): string {
  return [0x811c9dc5, 0x01000193]
    .map((start) => {
      let value = start;
      for (let at = 0; at < text.length; at += 1)
        value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
      return (value >>> 0).toString(16).padStart(8, '0');
    })
    .join('');
}
