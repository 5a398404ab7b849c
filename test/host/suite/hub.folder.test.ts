/** Sizes of a model that is on no disk here, from a stand-in hub on loopback; and no request without leave. */
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { startHubServer, type HubServer } from '../../support/hubServer';
import { denseTensors, safetensorsHeader } from '../../support/modelFiles';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { extensionApi } from '../extensionApi';
import { SMALL_MODEL } from '../standInModel';
import { setting } from '../setting';

const GATED = 'stand-in/gated-1B';

const allowRequests = (value: boolean | undefined) => setting('hub.allowRequests', value);

describe('the hub', () => {
  let api: VramPilotApi;
  let hub: HubServer;
  const name = 'stand-in/small-1B';
  const request = { engine: 'vllm', model: { name }, gpus: [{ totalBytes: 24 * 2 ** 30 }] };
  const environment = { ...process.env };
  /** Of this model: a hand that types slowly passes others on its way. */
  const requestsFor = (model: string) =>
    hub.requests.filter(({ path }) => path.includes(`${model}/`));

  before(async () => {
    hub = await startHubServer();
    // what the extension reads too: tests run in its process
    process.env.HF_ENDPOINT = hub.endpoint;
    process.env.HF_HUB_DISABLE_IMPLICIT_TOKEN = '1';
    const { bytes, dataBytes } = safetensorsHeader(denseTensors(SMALL_MODEL));
    for (const repo of [name, GATED, `${GATED}-it`]) {
      hub.put(`${repo}/config.json`, JSON.stringify(SMALL_MODEL));
      hub.put(`${repo}/model.safetensors`, bytes, dataBytes);
    }
    api = await extensionApi();
  });

  after(async () => {
    for (const key of ['HF_ENDPOINT', 'HF_HUB_DISABLE_IMPLICIT_TOKEN']) {
      if (environment[key] === undefined) Reflect.deleteProperty(process.env, key);
      else process.env[key] = environment[key];
    }
    await allowRequests(undefined);
    await hub.stop();
    // as it was found: other suites look at an empty plan
    if (hasPage) await onPage.plannerFill('model', '');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('is not asked unless the user allows it', async () => {
    assert.equal((await api.plan(request)).basis, 'name');
    assert.equal(hub.requests.length, 0);
  });

  it('tells in the planner what leave would bring', async function () {
    if (!hasPage) this.skip();
    await vscode.commands.executeCommand('vramPilot.openPlanner');
    await onPage.plannerReady();
    await onPage.plannerFill('model', name);
    await onPage.plannerSays('verdict', 'guessed from the name');
    await onPage.plannerSays('model-facts', 'Sizes from the hub need vramPilot.hub.allowRequests');
    assert.equal(hub.requests.length, 0);
  });

  it('gives headers once it may be asked', async () => {
    await allowRequests(true);
    await eventually(
      async () => (await api.plan(request)).basis === 'headers',
      'a plan from headers',
    );
    assert.equal(requestsFor(name).length, 2);
  });

  it('fills the planner while somebody types', async function () {
    if (!hasPage) this.skip();
    await onPage.plannerFill('model', name);
    await onPage.plannerSays('verdict', 'from the weight files');
    await onPage.plannerSays('model-facts', `From ${new URL(hub.endpoint).host}, read`);
    assert.equal(requestsFor(name).length, 2, 'known from before');
  });

  it('still plans by the name where a token is needed', async () => {
    hub.token = 'hf_of_the_stand_in';
    const gated = { ...request, model: { name: GATED } };
    assert.equal((await api.plan(gated)).basis, 'name');
    assert.equal(requestsFor(GATED).at(-1)?.authorization, null);
  });

  it('asks for the token, keeps it, and forgets it', async function () {
    if (!hasPage) this.skip();
    await onPage.plannerFill('model', GATED);
    await onPage.notification(`${GATED} is gated`, 'Enter Token…');
    await onPage.typeInBox('hf_of_the_stand_in');
    await onPage.plannerSays('verdict', 'from the weight files');
    assert.equal(requestsFor(GATED).at(-1)?.authorization, 'Bearer hf_of_the_stand_in');
    // another gated model, so that the message comes again; what is typed over nothing is nothing
    hub.token = 'hf_of_another';
    await onPage.plannerFill('model', `${GATED}-it`);
    await onPage.notification(`${GATED}-it is gated`, 'Enter Token…');
    await onPage.typeInBox('');
    await eventually(
      () => requestsFor(`${GATED}-it`).at(-1)?.authorization === null,
      'a request without the token',
    );
  });
});
