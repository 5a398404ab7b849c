import type { LaunchRecord } from '../../src/processes/process';
import { identityOf } from '../../src/processes/tree';
import { FakeProcessTable } from './fakeProcessTable';

/**
 * A vLLM as a task of VS Code, as seen on a real 0.32: pty host 40 (beside our extension host 50) → main 100, which leads
 * its group and session → tracker 101 and engine 102 → workers from 103 on.
 */
export function vllmInTerminal(ranks = 2): { table: FakeProcessTable; record: LaunchRecord } {
  const table = new FakeProcessTable();
  table.add({ pid: 1, ppid: 0, args: ['/sbin/init'], comm: 'systemd', uid: 0 });
  table.add({ pid: 40, args: ['node', '/x/out/bootstrap-fork', '--type=ptyHost'] });
  table.add({ pid: 50, ppid: 40, args: ['node', '/x/out/bootstrap-fork', '--type=extensionHost'] });
  const main = table.add({
    pid: 100,
    ppid: 40,
    args: ['/v/bin/python', '/v/bin/vllm', 'serve', 'm'],
    comm: 'vllm',
  });
  const group = { pgid: 100, sid: 100 };
  table.add({
    pid: 101,
    ppid: 100,
    ...group,
    args: ['/v/bin/python', '-c', 'from multiprocessing.resource_tracker import main;main(32)'],
  });
  table.add({ pid: 102, ppid: 100, ...group, args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor' });
  for (let rank = 0; rank < ranks; rank++)
    table.add({
      pid: 103 + rank,
      ppid: 102,
      ...group,
      args: [`VLLM::Worker_TP${rank}`],
      comm: 'VLLM::Worker_TP',
    });
  const record: LaunchRecord = {
    launchId: 'L1',
    engine: 'vllm',
    main: identityOf(main),
    pgid: 100,
    sid: 100,
    port: 8000,
    seen: [],
  };
  return { table, record };
}
