import assert from 'node:assert/strict';
import { placeOf } from '../../../src/app/place';
import type { SelfFacts } from '../../../src/processes/scene';

const self = (given: Partial<SelfFacts> = {}): SelfFacts => ({
  uid: 1000,
  protectedPids: [1],
  inContainer: false,
  ...given,
});

describe('the place of a window', () => {
  for (const [what, facts, remoteName, place] of [
    ['a machine of its own', self(), undefined, 'here'],
    ['a Mac', self({ system: 'mac' }), undefined, 'here'],
    ['Remote-SSH', self(), 'ssh-remote', 'ssh'],
    [
      'WSL, which has process numbers of its own',
      self({ system: 'wsl', inContainer: true }),
      'wsl',
      'wsl',
    ],
    ['WSL without its extension', self({ system: 'wsl', inContainer: true }), undefined, 'wsl'],
    ['a dev container', self({ inContainer: true }), 'dev-container', 'container'],
    [
      'a dev container in WSL',
      self({ system: 'wsl', inContainer: true }),
      'dev-container',
      'container',
    ],
    ['a dev container that shares the process numbers', self(), 'attached-container', 'container'],
    ['a server in a container', self({ inContainer: true }), '127.0.0.1:8080', 'container'],
    ['SSH into a container', self({ inContainer: true }), 'ssh-remote', 'container'],
    ['another connection', self(), 'tunnel', 'here'],
  ] as const)
    it(`${what}: ${place}`, () => assert.equal(placeOf(facts, remoteName), place));
});
