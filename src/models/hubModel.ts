/** A model on a hub (Hugging Face's, or a mirror): what may be asked for by name, and under which URL. */
import { fail, ok, type Result } from '../shared/failure';

export interface HubModel {
  /** `org/name`. */
  readonly repo: string;
  /** A .gguf file of the repository, with its folders; null: the repository's config.json and safetensors. */
  readonly file: string | null;
  /** Written with the hub's host in front, as Ollama wants it. */
  readonly hasHost: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
export const DEFAULT_REVISION = 'main';

/** The hub's own rule: 96 characters, no `--` or `..`, no separator at either end. */
const MAX_PART = 96;
const PART = /^[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?$/;
const MAX_FILE = 300;

/**
 * `org/name`, `org/name:folder/file.gguf`, and both with `hf.co/` or `huggingface.co/` in front. null for anything else:
 * a path, an Ollama tag, and also the few old names without an owner (`gpt2`), which every typed word would look like.
 */
export function parseHubModel(text: string): HubModel | null {
  const [, host, owner = '', name = '', file] =
    /^(?:https:\/\/)?(hf\.co\/|huggingface\.co\/)?([^/:]+)\/([^/:]+)(?::(.+))?$/.exec(
      text.trim(),
    ) ?? [];
  if (![owner, name].every(isPart) || name.endsWith('.git')) return null;
  if (file !== undefined && !isGgufPath(file)) return null;
  return { repo: `${owner}/${name}`, file: file ?? null, hasHost: host !== undefined };
}

function isPart(part: string): boolean {
  return part.length <= MAX_PART && PART.test(part) && !/--|\.\./.test(part);
}

function isGgufPath(file: string): boolean {
  const parts = file.split('/');
  return (
    file.length <= MAX_FILE &&
    /\.gguf$/i.test(file) &&
    parts.every((part) => /^[^\\:?#%\s]+$/.test(part) && part !== '.' && part !== '..')
  );
}

/** `{endpoint}/{repo}/resolve/{revision}/{file}`: what every hub and mirror serves. */
export function hubFileUrl(
  endpoint: string,
  repo: string,
  file: string,
  revision = DEFAULT_REVISION,
): string {
  const path = [...repo.split('/'), 'resolve', revision, ...file.split('/')];
  return `${endpoint}/${path.map(encodeURIComponent).join('/')}`;
}

/** An http(s) address without a slash at its end; `invalid` for anything with credentials, a query or another scheme. */
export function parseEndpoint(text: string | undefined): Result<string> {
  const given = text?.trim() ?? '';
  if (given === '') return ok(DEFAULT_ENDPOINT);
  try {
    const url = new URL(given);
    const isPlain =
      url.search === '' && url.hash === '' && url.username === '' && url.password === '';
    if (/^https?:$/.test(url.protocol) && isPlain) return ok(url.href.replace(/\/+$/, ''));
  } catch {
    // said below; the text itself may hold a password
  }
  return fail('invalid', 'HF_ENDPOINT is no plain http(s) address.');
}

/** Over plain http anybody on the way can read a token; on this machine nobody is on the way. */
export function mayCarryToken(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** `huggingface.co`, `mirror.lan:8080`: how a hub is named to people. */
export function hubName(endpoint: string): string {
  return new URL(endpoint).host;
}
