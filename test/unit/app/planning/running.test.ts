import assert from 'node:assert/strict';
import { runningOf } from '../../../../src/app/planning/running';
import type { Holder } from '../../../../src/processes/process';
import { GIB } from '../../../../src/shared/units';
import { serverOf } from '../../../support/fakePorts';

const holder = (change: Partial<Holder>): Holder => ({
  pid: 7,
  startTime: null,
  startedAtMs: null,
  user: null,
  command: '/usr/bin/python train.py',
  usedBytes: 3 * GIB,
  gpus: [0],
  class: 'stranger',
  reason: '',
  remedy: '',
  canEnd: false,
  ...change,
});

describe('what holds GPU memory, for a plan', () => {
  it('is servers that run, as ours where we started them, and everyone else by name', () => {
    const ready = {
      ...serverOf({ id: 'a' }),
      phase: 'ready' as const,
      usedBytes: 8 * GIB,
      gpus: [0],
    };
    const running = runningOf(
      {
        servers: [
          ready,
          { ...ready, id: 'b', origin: 'adopted' },
          { ...ready, id: 'gone', phase: 'ended' },
        ],
        holders: [holder({}), holder({ pid: 8, class: 'ourServer' })],
      },
      { 'cleanUp.protect': [] },
    );
    assert.deepEqual(
      running.map(({ id, ours, pinned }) => [id, ours, pinned ?? false]),
      [
        ['a', true, false],
        ['b', false, false],
        ['pid-7', false, false],
      ],
    );
  });

  it('knows which is idle where the server tells', () => {
    const live = (runningRequests: number | null, waitingRequests = 0) => ({
      runningRequests,
      waitingRequests,
      kvUse: 0,
      kvUsePeak: 0,
      poolBytes: null,
      giveBack: null,
    });
    const idleOf = (given: ReturnType<typeof live> | null) =>
      runningOf(
        { servers: [serverOf({ phase: 'ready', live: given })], holders: [] },
        { 'cleanUp.protect': [] },
      )[0]?.idle;
    assert.deepEqual([live(0), live(2), live(0, 1), live(null), null].map(idleOf), [
      true,
      false,
      false,
      null,
      null,
    ]);
  });

  it('pins what the user protects', () => {
    const ready = { ...serverOf({ id: 'a' }), phase: 'ready' as const, title: 'Qwen3-4B' };
    const pinnedBy = (protect: string[]) =>
      runningOf({ servers: [ready], holders: [] }, { 'cleanUp.protect': protect })[0]?.pinned;
    assert.equal(pinnedBy(['Qwen3']), true);
    assert.equal(pinnedBy(['jupyter', '']), false);
  });
});
