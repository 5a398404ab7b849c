/** A request as a command to paste. */
import type { EndpointRequest } from './endpoint';

/** For a POSIX shell. A key is never written out: the shell takes it from `$VLLM_API_KEY`. */
export function curlCommand({ url, headers, body }: EndpointRequest): string {
  const parts = ['curl', url, "-H 'Content-Type: application/json'"];
  if (headers.authorization !== undefined) parts.push('-H "Authorization: Bearer $VLLM_API_KEY"');
  // a quote in a model's name would end the shell's string
  if (body !== undefined) parts.push(`-d '${body.replaceAll("'", String.raw`'\''`)}'`);
  return parts.join(' ');
}
