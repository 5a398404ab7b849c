/** In a folder that is not trusted: the views say so, with the way to trust it. */
import assert from 'node:assert/strict';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { extensionApi } from '../extensionApi';
import { removeServers } from '../removeServers';

describe('first run in a folder that is not trusted', () => {
  it('says that nothing starts here, with the way to trust the folder', async function () {
    if (!hasPage) this.skip();
    const api = await extensionApi();
    await removeServers(api);
    await eventually(() => api.getState().gpu.status === 'ok', 'a sample');
    await onPage.openSideBar();
    const text = await onPage.welcomeText('Servers');
    assert.match(text, /not trusted.*no server starts\.\s*Manage Workspace Trust/s);
    await onPage.screenshot('first-run-untrusted');
    assert.match(await onPage.treeRow('GPUs', 'RTX 4090'), /of 24\.0 GiB/);
  });
});
