/** What reading a model gave, whatever it was read from. */
import type { Basis } from '../shared/planAnswer';
import type { ModelRequest } from '../shared/planRequest';

export interface ModelReading {
  readonly facts: ModelRequest;
  readonly basis: Extract<Basis, 'headers' | 'config' | 'gguf' | 'name' | 'default'>;
  /** The model's own longest context in tokens; null: not known. */
  readonly longestContext: number | null;
  /** What the user should know about the reading, one sentence each. */
  readonly notes: readonly string[];
}
