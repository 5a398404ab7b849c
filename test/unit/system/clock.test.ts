import assert from 'node:assert/strict';
import { openClock } from '../../../src/system/clock';

describe('clock', () => {
  const clock = openClock();

  it('sleeps as long as asked, less when aborted, not at all when aborted before', async () => {
    const from = clock.elapsedMs();
    await clock.sleep(60);
    assert.ok(clock.elapsedMs() - from >= 55);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const start = clock.elapsedMs();
    await clock.sleep(5000, abort.signal);
    await clock.sleep(5000, abort.signal);
    assert.ok(clock.elapsedMs() - start < 2000);
  });
});
