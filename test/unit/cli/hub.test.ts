/** `plan NAME --hub` as scripts see it, against a stand-in hub on loopback. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { badly, startHubServer, type HubServer } from '../../support/hubServer';
import { denseTensors, safetensorsHeader } from '../../support/modelFiles';
import { removeScratch, runCli, scratch, type CliRun } from './runCli';
import { qwen4b } from '../../fixtures/planner/configs';

const SECRET = 'hf_geheimgeheim';

describe('the CLI and the hub', () => {
  let hub: HubServer;
  beforeEach(async () => {
    hub = await startHubServer();
    const { bytes, dataBytes } = safetensorsHeader(denseTensors(qwen4b));
    hub.put('org/some-7B/config.json', JSON.stringify(qwen4b));
    hub.put('org/some-7B/model.safetensors', bytes, dataBytes);
  });
  afterEach(async () => {
    await hub.stop();
    removeScratch();
  });

  const plan = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
    runCli(['plan', 'org/some-7B', '--gpu', '24GiB', '--json', ...args], {
      env: { HF_ENDPOINT: hub.endpoint, ...env },
    });
  const basis = (run: CliRun): unknown => {
    assert.notEqual(run.stdout, '', run.stderr);
    return (JSON.parse(run.stdout) as { basis?: unknown }).basis;
  };

  it('makes no request without --hub, and says what it would bring', async () => {
    const run = await plan([]);
    assert.equal(basis(run), 'name');
    assert.match(run.stderr, /7 billion parameters.*\nSizes from the hub need --hub\.\n/);
    assert.equal(hub.requests.length, 0);
    const own = await runCli(['plan', 'some-7B', '--gpu', '24GiB', '--json']);
    assert.doesNotMatch(own.stderr, /hub/);
  });

  it('reads headers with it, keeps them, and works offline after that', async () => {
    const first = await plan(['--hub']);
    assert.equal(basis(first), 'headers');
    assert.match(first.stderr, /^From 127\.0\.0\.1:\d+, read just now, commit aaaaaaa\.\n/);
    assert.equal(hub.requests.length, 2);
    assert.equal(fs.readdirSync(path.join(scratch(), '.cache/vram-pilot/hub')).length, 1);
    assert.equal(basis(await plan(['--hub'])), 'headers');
    assert.equal(basis(await plan(['--hub'], { HF_HUB_OFFLINE: '1' })), 'headers');
    assert.equal(hub.requests.length, 2);
    assert.equal(basis(await plan([])), 'name', 'only where it is asked for');
  });

  it('asks nobody offline', async () => {
    const run = await plan(['--hub'], { HF_HUB_OFFLINE: '1' });
    assert.equal(basis(run), 'name');
    assert.match(run.stderr, /HF_HUB_OFFLINE is set/);
    assert.equal(hub.requests.length, 0);
  });

  it('sends the token, and shows it nowhere', async () => {
    hub.token = 'hf_another';
    const run = await plan(['--hub'], { HF_TOKEN: SECRET });
    assert.equal(hub.requests[0]?.authorization, `Bearer ${SECRET}`);
    assert.equal(basis(run), 'name');
    assert.match(run.stderr, /is gated: .*the token that was sent gives no access/);
    hub.token = SECRET;
    const again = await plan(['--hub'], { HF_TOKEN: SECRET });
    assert.equal(basis(again), 'headers');
    for (const text of [run.stdout, run.stderr, again.stdout, again.stderr])
      assert.doesNotMatch(text, /geheim/);
  });

  it('still plans by the name where the hub fails', async () => {
    hub.misbehave('*', badly.status(500));
    const run = await plan(['--hub']);
    assert.equal(basis(run), 'name');
    assert.match(run.stderr, /answered 500 for config\.json/);
  });

  it('reads a .gguf file by its name', async () => {
    const missing = await runCli(
      ['plan', 'org/x-GGUF:x-7B.Q4_K_M.gguf', '--gpu', '24GiB', '--json', '--hub'],
      { env: { HF_ENDPOINT: hub.endpoint } },
    );
    assert.equal(basis(missing), 'name');
    assert.match(missing.stderr, /knows no org\/x-GGUF with a x-7B\.Q4_K_M\.gguf/);
  });

  it('takes --hub only with a name', async () => {
    const run = await runCli(['plan', '--request', '-', '--hub'], { stdin: '{}' });
    assert.equal(run.code, 64);
    assert.match(run.stderr, /--hub: found without NAME_OR_PATH/);
  });
});
