/** Where a vLLM listens by its arguments, who can reach it there, and which key it asks for. */
import { valueOfFlag } from './flagValue';

const LOOPBACK = '127.0.0.1';
/** Every address, this machine's loopback among them. */
const ANY = /^(?:0\.0\.0\.0|\[?::\]?|)$/;

const hostIn = (args: readonly string[]): string => valueOfFlag(args, 'host')?.trim() ?? LOOPBACK;

/** Other machines can connect: it listens on more than a loopback address. */
export const isOpenToNetwork = (args: readonly string[]): boolean =>
  !/^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/i.test(hostIn(args));

/** How this machine reaches it. */
export function reachableHost(args: readonly string[]): string {
  const host = hostIn(args);
  if (ANY.test(host)) return LOOPBACK;
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Of several behind `--api-key` the first. null: none is given. */
export const keyInArguments = (args: readonly string[]): string | null =>
  valueOfFlag(args, 'api-key');
