import assert from 'node:assert/strict';
import { newLife, nextLife, type Life, type LifeEvent } from '../../../src/engines/lifecycle';

const after = (...events: LifeEvent[]): Life => events.reduce(nextLife, newLife);
const ended = (result: 'failed' | 'stopped' | 'ready' | null = null): LifeEvent => ({
  type: 'processEnded',
  result,
});

describe('lifecycle', () => {
  it('is ready by an answer, never by a line of the log', () => {
    assert.equal(after({ type: 'stageChanged' }).phase, 'starting');
    assert.equal(after({ type: 'healthOk' }).phase, 'ready');
  });

  it('tells failed from crashed from stopped', () => {
    assert.equal(after(ended('failed')).endReason, 'failed');
    assert.equal(after({ type: 'healthOk' }, ended('failed')).endReason, 'crashed');
    assert.equal(
      after({ type: 'healthOk' }, { type: 'stopRequested' }, ended('failed')).endReason,
      'stopped',
    );
    // Ctrl+C in its terminal: nobody asked us
    assert.equal(after({ type: 'healthOk' }, ended('stopped')).endReason, 'stopped');
  });

  it('does not become ready again by a late answer while it stops', () => {
    assert.equal(
      after({ type: 'healthOk' }, { type: 'stopRequested' }, { type: 'healthOk' }).phase,
      'stopping',
    );
  });

  it('is lost when it is not found, and found again by an answer', () => {
    const lost = after({ type: 'healthOk' }, { type: 'notFound' });
    assert.equal(lost.phase, 'lost');
    assert.equal(nextLife(lost, { type: 'healthOk' }).phase, 'ready');
    assert.equal(after({ type: 'stopRequested' }, { type: 'notFound' }).phase, 'ended');
  });

  it('begins anew at a restart, and only then leaves its end', () => {
    const over = after({ type: 'healthOk' }, ended('failed'));
    assert.equal(nextLife(over, { type: 'healthOk' }), over);
    assert.deepEqual(nextLife(over, { type: 'processStarted' }), newLife);
  });
});
