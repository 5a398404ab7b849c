/** Requests of ours that a server is answering: one left open can hold a vLLM in its shutdown without end. */
export interface OwnRequests {
  /** Runs `act` with a signal that falls when `signal` does, or when the server is to be stopped. */
  during<T>(
    serverId: string,
    signal: AbortSignal,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  abort(serverId: string): void;
}

export function createOwnRequests(): OwnRequests {
  const open = new Map<string, Set<AbortController>>();
  return {
    async during(serverId, signal, act) {
      const abort = new AbortController();
      const own = open.get(serverId) ?? new Set();
      open.set(serverId, own.add(abort));
      try {
        return await act(AbortSignal.any([signal, abort.signal]));
      } finally {
        own.delete(abort);
      }
    },
    abort(serverId) {
      for (const request of open.get(serverId) ?? []) request.abort();
    },
  };
}
