// The first time: from an installed extension to an answer of the own model, in at most five actions of the hand.
// GPU and vLLM are stand-ins; the model lies in the workspace.
import assert from 'node:assert/strict';

export const window = 'folder';

const MOST_ACTIONS = 5;

export default async ({ ui, test }) => {
  /** What a person has to do; installing is the first. */
  const actions = ['install VRAM Pilot'];
  const act = async (what, done) => {
    actions.push(what);
    await done();
  };

  await test('gets from the installation to an answer', async () => {
    await ui.gauge('/24.0 GiB');
    await act('Deploy Model…', () => ui.runCommand('VRAM Pilot: Deploy Model…'));
    await act('choose the model', () => ui.pick('qwen3-4b'));
    await act('Deploy', () => ui.pick('Deploy'));
    await act('Send Test Prompt', () => ui.notification('is ready at', 'Send Test Prompt'));
    const answer = await ui.notification('hello from the stand-in');
    assert.match(answer, /per second|tokens\/s/);
    await ui.screenshot('first-answer');
    console.log(`      ${actions.length} actions: ${actions.join(' → ')}`);
    assert.ok(actions.length <= MOST_ACTIONS, actions.join(', '));
  });

  await test('shows the server it came from as ready', async () => {
    await ui.openSideBar();
    await ui.treeRow('Servers', 'ready · :');
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
  });
};
