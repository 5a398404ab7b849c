import assert from 'node:assert/strict';
import { orphanNews } from '../../../../src/app/holders/orphanNews';
import type { Server } from '../../../../src/app/state';
import type { Holder } from '../../../../src/processes/process';

const left = (pid: number, launchId?: string, more: Partial<Holder> = {}): Holder => ({
  pid,
  startTime: '1',
  startedAtMs: 1,
  user: 'me',
  command: 'VLLM::EngineCore',
  usedBytes: 2 ** 30,
  gpus: [0],
  class: 'orphanedWorker',
  reason: 'its server is gone',
  remedy: 'End it.',
  canEnd: true,
  ...(launchId === undefined ? {} : { launchId }),
  ...more,
});
const server = (id: string, phase: Server['phase']) => ({ id, phase }) as Server;
const NOBODY = new Set<string>();

describe('orphanNews', () => {
  it('tells of what a server of ours left behind', () => {
    const holders = [left(1, 'A'), left(2, 'A', { usedBytes: null }), left(3, 'B')];
    const news = orphanNews({ holders, servers: [server('A', 'ended')] }, NOBODY);
    assert.deepEqual(news?.launchIds, ['A', 'B']);
    assert.match(news.text, /^3 processes .*2\.\d+ GiB|^3 processes .*2 GiB/);
    assert.match(
      orphanNews({ holders: [left(1, 'A')], servers: [] }, NOBODY)?.text ?? '',
      /^A process/,
    );
  });

  it('is quiet about what was told, what is being stopped, and what is not ours', () => {
    const quiet = (holders: Holder[], servers: Server[] = [], told = NOBODY) =>
      assert.equal(orphanNews({ holders, servers }, told), null);
    quiet([]);
    quiet([left(1)]);
    quiet([left(1, 'A', { canEnd: false })]);
    quiet([left(1, 'A')], [], new Set(['A']));
    for (const phase of ['starting', 'ready', 'stopping'] as const)
      quiet([left(1, 'A')], [server('A', phase)]);
  });
});
