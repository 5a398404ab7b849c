import assert from 'node:assert/strict';
import { readIncoming } from '../../../webview/incoming';
import { snapshot } from './samples';

describe('a message to the page', () => {
  it('is taken when it parses', () => {
    assert.deepEqual(readIncoming(snapshot()), { message: snapshot() });
    const focus = { type: 'focus', target: 'model' };
    assert.deepEqual(readIncoming(focus), { message: focus });
  });

  it('is dropped with the reason when it does not', () => {
    const bad = [{ ...snapshot(), gpus: 'none' }, { type: 'run', command: 'rm' }, 'hello', null];
    const problems = bad.map(readIncoming).map((read) => ('problem' in read ? read.problem : ''));
    assert.match(problems[0] ?? '', /^bad message to the page: gpus /);
    for (const problem of problems) assert.match(problem, /^bad message to the page/);
  });
});
