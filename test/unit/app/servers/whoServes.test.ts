import assert from 'node:assert/strict';
import { whoServes } from '../../../../src/app/servers/whoServes';
import { serverOf } from '../../../support/fakePorts';

describe('who serves now', () => {
  const server = serverOf({ id: 'a', phase: 'ready' });
  const ended = serverOf({ id: 'a', phase: 'ended' });

  it('is the server itself while it is ready, else who took its place', () => {
    const other = serverOf({ id: 'b', phase: 'ready', servedModelName: 'org/other' });
    const again = serverOf({ id: 'c', phase: 'ready' });
    assert.equal(whoServes(server, [other, again, server]), server);
    assert.equal(whoServes(server, [other, ended, again]), again);
    assert.equal(whoServes(server, [again, other]), again, 'a restart takes the old one off');
  });

  it('is nobody where it ended, is lost, or is still starting again', () => {
    assert.equal(whoServes(server, [ended]), null);
    assert.equal(whoServes(server, [serverOf({ id: 'a', phase: 'lost' })]), null);
    assert.equal(whoServes(server, [serverOf({ id: 'c', phase: 'starting' })]), null);
    assert.equal(whoServes(server, [serverOf({ id: 'c', phase: 'ready', port: 8001 })]), null);
    assert.equal(whoServes(server, []), null);
  });
});
