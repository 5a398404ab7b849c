// The word that a server is ready stays on the screen after its end: its buttons must not act on what is gone.
import assert from 'node:assert/strict';

export const window = 'folder';

export default async ({ ui, test }) => {
  await test('says that the server has ended when its notice is answered too late', async () => {
    await ui.gauge('/24.0 GiB');
    await ui.openSideBar();
    await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.pick('qwen3-4b');
    await ui.pick('Deploy');
    await ui.notification('is ready at');
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await ui.notification('is ready at', 'Copy URL');
    const said = await ui.notification('is no longer ready');
    await ui.screenshot('no-longer-ready');
    assert.match(said, /stopped/);
  });
};
