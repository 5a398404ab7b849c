/** Where a window works, for what can be seen from there: the container counts before the machine that holds it. */
import type { SelfFacts } from '../processes/scene';

export type Place = 'here' | 'ssh' | 'wsl' | 'container';

/** @param remoteName as VS Code calls the connection (`ssh-remote`, `wsl`, `dev-container`, …); undefined: none */
export function placeOf(self: SelfFacts, remoteName: string | undefined): Place {
  const remote = remoteName ?? '';
  if (/container|codespaces/.test(remote)) return 'container';
  // distributions of WSL have process numbers of their own, as containers have
  if (self.system === 'wsl' || remote === 'wsl') return 'wsl';
  if (self.inContainer) return 'container';
  return remote === 'ssh-remote' ? 'ssh' : 'here';
}
