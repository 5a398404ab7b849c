import assert from 'node:assert/strict';
import { isOurs } from '../../../../src/app/servers/readiness';
import { launchFamily } from '../../../../src/processes/family';
import { indexTable } from '../../../../src/processes/tree';
import { answered, fakeContext, plantVllm, serverOf } from '../../../support/fakePorts';

const HOST = '192.168.1.5';

describe('whether what answers is ours', () => {
  it('is asked of the server itself, with its key, where it listens on no loopback address', async () => {
    const context = fakeContext();
    const record = plantVllm(context.table);
    const family = launchFamily(record, indexTable(await context.table.all()));
    const command = { file: 'vllm', args: ['serve', 'org/m', '--host', HOST], env: {} };
    const server = serverOf({ host: HOST, command, record });
    const { VLLM_API_KEY: key } = (await context.apiKeys.handOver(server)).env;
    let served = 'org/m';
    context.http.routes.set(`GET http://${HOST}:8000/v1/models`, ({ headers }) =>
      headers?.authorization === `Bearer ${key ?? ''}`
        ? answered({ object: 'list', data: [{ id: served }] })
        : answered({ error: 'Unauthorized' }, 401),
    );
    const asked = () => isOurs(context, server, family, new AbortController().signal);
    assert.equal(await asked(), true);
    served = 'org/other';
    assert.equal(await asked(), false, 'another model');
    await context.apiKeys.forget(server.id);
    context.apiKeys.give(server.id, ['sk-other']);
    assert.equal(await asked(), false, 'it does not take our key');
  });
});
