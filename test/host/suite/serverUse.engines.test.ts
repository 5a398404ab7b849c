/** What a real vLLM shows while it works, and what its failures teach: gauges, a corrected launch, the next plan. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { poolText, serverDetail } from '../../../src/app/servers/serverText';
import type { VramPilotApi } from '../../../src/vscode/api';
import { eventually } from '../eventually';
import {
  activateWithVllm,
  assertNothingLeft,
  chat,
  ended,
  MODEL,
  ready,
  server,
  started,
  START_MS,
  wish,
} from '../realVllm';
import { removeServers } from '../removeServers';
import { setting } from '../setting';

/** Looks are 5 s apart, or 60 s where the window is not in front. */
const LOOKED_MS = 90_000;

describe('use and lessons of a real vLLM', function () {
  this.timeout(3 * START_MS);
  let api: VramPilotApi;
  const learned = () => api.getState().learned.entries;

  before(async () => {
    api = await activateWithVllm();
    await removeServers(api);
    await eventually(() => api.getState().gpu.status === 'ok', 'a first sample');
  });

  afterEach(() => removeServers(api));

  it('shows a saturated KV cache on the gauges, and its peak afterwards', async () => {
    // 1,024 tokens: four requests fill it, the others wait
    const small = ['--kv-cache-memory-bytes', '524288'];
    const id = started(await api.deploy(wish({ extraArguments: small })));
    await ready(id);
    const live = () => server(id).live;
    await eventually(() => live() !== null, 'a first look', LOOKED_MS);
    let isOver = false;
    const errors: string[] = [];
    const asking = Array.from({ length: 12 }, async () => {
      // a connection that was kept may be closed by the server the moment it is used again
      while (!isOver && errors.length < 20)
        await chat(server(id), 200).catch((error: unknown) => errors.push(String(error)));
    });
    try {
      await eventually(
        () => (live()?.kvUse ?? 0) >= 0.8 && (live()?.waitingRequests ?? 0) > 0,
        'a full pool',
        LOOKED_MS,
      ).catch((error: unknown) =>
        assert.fail(`${String(error)}: ${JSON.stringify(live())} ${errors.join('; ')}`),
      );
      assert.match(serverDetail(server(id), Date.now()), / · KV (8|9|10)\d %/);
      assert.match(poolText(server(id)) ?? '', /^pool 1 MiB, \d+ % used \(peak .*waiting/);
    } finally {
      isOver = true;
      await Promise.all(asking);
    }
    await eventually(() => live()?.runningRequests === 0, 'an idle server', LOOKED_MS);
    assert.ok((live()?.kvUse ?? 1) < 0.8);
    assert.ok((live()?.kvUsePeak ?? 0) >= 0.8, 'the peak of the last minutes');
    assert.equal(live()?.giveBack, null, 'it was full: nothing to give back');
  });

  it('opens itself with a key only, and shows under a short load how full its pool gets', async () => {
    const small = ['--kv-cache-memory-bytes', '524288', '--host', '0.0.0.0'];
    // written token by token, answers of so small a model wait in the server while its engine is idle already
    small.push('--stream-interval', '64');
    const open = wish({ extraArguments: small });
    const refused = await api.deploy(open);
    assert.ok(!refused.ok && refused.problems.some((one) => one.id === 'open_to_network'));
    const id = started(await api.deploy(open, { force: true }));
    await ready(id);
    await eventually(() => server(id).facts?.maxConcurrency === 4, 'the facts of its start');
    const models = `http://127.0.0.1:${String(server(id).port)}/v1/models`;
    assert.equal((await fetch(models)).status, 401);
    await vscode.commands.executeCommand('vramPilot.copyApiKey', id);
    const authorization = `Bearer ${await vscode.env.clipboard.readText()}`;
    assert.equal((await fetch(models, { headers: { authorization } })).status, 200);

    await vscode.commands.executeCommand('vramPilot.runTestLoad', id);
    const text = vscode.window.activeTextEditor?.document.getText() ?? '';
    const [, answered, sent] =
      /\| Requests answered +\| \d+ of 10 +\| (\d+) of (\d+) +\|/.exec(text) ?? [];
    assert.ok(Number(sent) >= 8 && answered === sent, text);
    assert.match(text, /\| Requests failed +\| 0 +\| 0 +\|/);
    const [, percent] = /in use at most: (\d+) % of 1,024 tokens/.exec(text) ?? [];
    assert.ok(Number(percent) >= 60, text);
    assert.match(text, /- Preemptions: \d/);
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  describe('with learning', () => {
    before(() => setting('learning.enabled', true));

    afterEach(async () => {
      await removeServers(api);
      if (learned().length > 0)
        await vscode.commands.executeCommand('vramPilot.forgetLearned', { key: null });
    });

    after(() => setting('learning.enabled', false));

    it('offers a corrected launch after a failure, which comes up; both are learned', async () => {
      const failed = wish({ options: { maxModelLen: 4096 } });
      const id = started(await api.deploy(failed, { force: true }));
      await ended(id);
      assert.equal(server(id).diagnosis?.cause?.id, 'max_model_len_over_derived');
      await eventually(() => server(id).failure?.correction != null, 'a corrected launch');
      assert.equal(server(id).failure?.correction?.change.maxModelLen, 2048);
      await eventually(() => learned().length === 1, 'what the failure taught');
      assert.equal(learned()[0]?.record.outcome.causeId, 'max_model_len_over_derived');

      const again = await vscode.commands.executeCommand<string | null>(
        'vramPilot.startCorrected',
        { serverId: id, shown: true },
      );
      assert.ok(again, 'it was started');
      await ready(again);
      await eventually(
        () => learned().some(({ record }) => record.outcome.facts.kvCacheTokens === 32_768),
        'what the start taught',
      );
      const { outcome } = learned().at(-1)!.record;
      assert.equal(outcome.result, 'ready');
      assert.equal(outcome.options.maxModelLen, 2048);
      assert.match(outcome.engineVersion ?? '', /^0\.32\.0/);
      assert.ok(!JSON.stringify(learned()).includes(MODEL), 'no path in what is kept');
      assert.ok((await api.stop(again)).ok);
      await assertNothingLeft(again);
    });

    it('plans with a failure that the planner had not foreseen', async () => {
      // blocks hold 128 tokens on the CPU, 16 on a GPU: the pool is below one of them
      const extraArguments = ['--kv-cache-memory-bytes', '65536'];
      const config = JSON.parse(
        fs.readFileSync(path.join(MODEL, 'config.json'), 'utf8'),
      ) as unknown;
      const request = {
        engine: 'vllm',
        engineVersion: '0.32.0',
        model: { name: path.basename(MODEL), config, weightsBytes: 600_000 },
        options: { maxModelLen: 64, kvCacheMemoryBytes: 65_536, enforceEager: true },
      };
      const steps = async (how: object = {}) => {
        const gpus = api.getState().gpu.sample?.gpus ?? [];
        const { name, totalBytes } = gpus[0]!;
        const answer = await api.plan({ ...request, ...how, gpus: [{ name, totalBytes }] });
        return answer.steps.join('\n');
      };
      assert.doesNotMatch(await steps(), /ran out of memory here before/);
      const id = started(
        await api.deploy(wish({ options: { maxModelLen: 64 }, extraArguments }), { force: true }),
      );
      await ended(id);
      await eventually(() => learned().length === 1, 'what the failure taught');
      assert.equal(learned()[0]?.record.outcome.causeId, 'kv_cache_no_blocks');
      assert.match(await steps(), /ran out of memory here before/);
      assert.doesNotMatch(await steps({ learned: [] }), /ran out of memory here before/);
    });
  });
});
