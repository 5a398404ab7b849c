/** Holds the state; tells listeners when what they look at changed. */
import { reduce, type Action } from './reducer';
import type { AppState } from './state';

export interface AppStore {
  state(): AppState;
  dispatch(action: Action): void;
  /** Calls `listener` after each change of what `select` returns (compared by identity). Returns the way out. */
  watch<T>(select: (state: AppState) => T, listener: (selected: T) => void): () => void;
}

export function createStore(initial: AppState): AppStore {
  let state = initial;
  const watchers = new Set<() => void>();
  return {
    state: () => state,
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      for (const watcher of [...watchers]) watcher();
    },
    watch(select, listener) {
      let seen = select(state);
      const watcher = () => {
        const selected = select(state);
        if (Object.is(selected, seen)) return;
        seen = selected;
        listener(selected);
      };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
