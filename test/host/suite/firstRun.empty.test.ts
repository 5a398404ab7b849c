/** Without a folder: what is said about where servers start and where profiles are kept. */
import assert from 'node:assert/strict';
import { hasPage, onPage } from '../../ui/onPage';
import { apiWithVllm } from '../extensionApi';
import { removeServers } from '../removeServers';

describe('first run in an empty window', () => {
  it('says that servers start in the home folder, and where profiles are kept', async function () {
    if (!hasPage) this.skip();
    await removeServers(await apiWithVllm());
    await onPage.openSideBar();
    const text = await onPage.welcomeText('Servers');
    assert.match(text, /Deploy a Model/);
    assert.match(text, /servers start in your home folder/);
    assert.match(await onPage.welcomeText('Profiles'), /kept on this machine only/);
    await onPage.screenshot('first-run-empty');
  });
});
