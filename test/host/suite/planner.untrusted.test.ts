/** A folder that is not trusted: planning works, starting does not, and the page says why. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hasPage, onPage } from '../../ui/onPage';

describe('the planner page in a folder that is not trusted', () => {
  before(function () {
    if (!hasPage) this.skip();
  });

  it('plans, but deploys nothing and says why', async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    await onPage.runCommand('VRAM Pilot: Open Planner');
    await onPage.plannerReady();
    await onPage.plannerFill('model', 'Qwen/Qwen3-0.6B');
    await onPage.plannerSays('verdict', 'guessed from the name');
    await onPage.plannerSays('command', 'serve Qwen/Qwen3-0.6B');
    await onPage.plannerSays('deploy-reason', 'not trusted');
    assert.equal(await onPage.plannerAttribute('deploy', 'disabled'), '');
    await onPage.plannerSays('trust', 'Trust…');
  });
});
