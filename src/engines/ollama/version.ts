/** The version of the installed `ollama`, and of a running one. */

/**
 * Output of `ollama --version`. With a server running its first line names the SERVER; the binary's own is in the warning.
 * Run it with {@link versionProbeHost} and a time-out: against a port that accepts and stays silent it never returns.
 */
export function parseOllamaVersion(output: string): string | null {
  return (
    /client version is (\S+)/.exec(output)?.[1] ?? /version is (\S+)/.exec(output)?.[1] ?? null
  );
}

/** Value of OLLAMA_HOST for the probe: a loopback port nobody listens on, so that the answer is the binary's. */
export const versionProbeHost = '127.0.0.1:1';
