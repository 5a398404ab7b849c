import type * as vscode from 'vscode';
import type { Secrets } from '../app/ports';

/** The editor's own secret storage. A desktop without a keyring may refuse it: then nothing is kept. */
export function openSecrets(storage: vscode.SecretStorage): Secrets {
  return {
    async get(name) {
      try {
        return (await storage.get(name)) ?? null;
      } catch {
        return null;
      }
    },
    async set(name, value) {
      try {
        await (value === null ? storage.delete(name) : storage.store(name, value));
        return true;
      } catch {
        return false;
      }
    },
  };
}
