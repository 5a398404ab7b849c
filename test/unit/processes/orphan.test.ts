import assert from 'node:assert/strict';
import { judgeOrphan } from '../../../src/processes/orphan';
import { indexTable } from '../../../src/processes/tree';
import { FakeProcessTable } from '../../support/fakeProcessTable';

describe('judgeOrphan', () => {
  it('comes to an end where a torn read makes two engines each other’s parents', () => {
    const table = new FakeProcessTable();
    const group = { pgid: 90, sid: 90, startTime: '5000' };
    const one = table.add({ pid: 100, ppid: 101, ...group, args: ['VLLM::EngineCore'] });
    table.add({ pid: 101, ppid: 100, ...group, args: ['VLLM::Worker_TP0'] });
    const verdict = judgeOrphan(one, indexTable([...table.processes.values()]));
    assert.equal(verdict.isOrphan, false);
  });
});
