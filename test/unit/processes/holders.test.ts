import assert from 'node:assert/strict';
import { classifyHolders } from '../../../src/processes/holders';
import type { Holder, ProcessInfo } from '../../../src/processes/process';
import type { HoldersInput } from '../../../src/processes/scene';
import { identityOf } from '../../../src/processes/tree';
import { FakeProcessTable } from '../../support/fakeProcessTable';

/** A machine with an init, ourselves, and whatever the test adds. */
function machine(): FakeProcessTable {
  const table = new FakeProcessTable();
  table.add({
    pid: 1,
    ppid: 0,
    pgid: 1,
    sid: 1,
    uid: 0,
    user: 'root',
    comm: 'systemd',
    args: ['/sbin/init'],
  });
  table.add({ pid: 50, args: ['node', '--type=extensionHost'] });
  return table;
}

function judge(table: FakeProcessTable, pid: number, more: Partial<HoldersInput> = {}): Holder {
  const [holder] = classifyHolders({
    gpuProcesses: [{ pid, usedBytes: 1024, name: 'python', gpus: [0] }],
    table: [...table.processes.values()],
    launches: [],
    self: table.selfFacts,
    nowMs: table.clock.now(),
    ...more,
  });
  return holder!;
}

const engine = (table: FakeProcessTable, more: Partial<ProcessInfo> = {}): ProcessInfo =>
  table.add({
    pid: 200,
    pgid: 100,
    sid: 100,
    comm: 'VLLM::EngineCor',
    args: ['VLLM::EngineCore'],
    ...more,
  });

describe('classifyHolders', () => {
  it('offers a lone engine with its evidence in words', () => {
    const table = machine();
    engine(table);
    const holder = judge(table, 200);
    assert.deepEqual([holder.class, holder.canEnd], ['orphanedWorker', true]);
    assert.match(holder.reason, /parent is now systemd 1.*process group 100/);
    assert.match(holder.remedy, /End it/);
  });

  const mustNot: readonly (readonly [
    string,
    string,
    (table: FakeProcessTable) => void,
    Partial<HoldersInput>?,
  ])[] = [
    [
      'below a live server',
      'stranger',
      (table) => {
        table.add({ pid: 100, args: ['/v/python', '/v/vllm', 'serve', 'm'], comm: 'vllm' });
        engine(table, { ppid: 100 });
      },
    ],
    [
      'whose server shares its group but not its branch',
      'stranger',
      (table) => {
        table.add({
          pid: 150,
          pgid: 100,
          sid: 100,
          args: ['python3', '-m', 'vllm.entrypoints.openai.api_server'],
        });
        engine(table);
      },
    ],
    [
      'below a notebook kernel',
      'notebook',
      (table) => {
        table.add({ pid: 100, args: ['python', '-m', 'ipykernel_launcher'] });
        engine(table, { ppid: 100 });
      },
    ],
    [
      'below Ray',
      'stranger',
      (table) => {
        table.add({ pid: 100, args: ['ray::RayWorkerWrapper'], comm: 'ray::RayWorkerW' });
        engine(table, { ppid: 100 });
      },
    ],
    [
      'below a Python script',
      'stranger',
      (table) => {
        table.add({ pid: 100, args: ['/usr/bin/python3.11', 'batch.py'], comm: 'python3.11' });
        engine(table, { ppid: 100 });
      },
    ],
    ['of another user', 'otherUser', (table) => engine(table, { uid: 1001, user: 'eve' })],
    ['of nobody known', 'otherUser', (table) => engine(table, { uid: null, user: null })],
    ['in another namespace', 'otherNamespace', (table) => engine(table, { sameNamespace: false })],
    ['in a container', 'otherNamespace', (table) => engine(table, { containerId: 'a'.repeat(64) })],
    [
      'younger than a minute',
      'orphanedWorker',
      (table) => engine(table, { startedAtMs: table.clock.now() - 59_000 }),
    ],
    ['of unknown age', 'orphanedWorker', (table) => engine(table, { startedAtMs: null })],
    ['whose parent nobody can see', 'stranger', (table) => engine(table, { ppid: 77 })],
    [
      'below an unknown program of its own group',
      'stranger',
      (table) => {
        table.add({ pid: 100, args: ['/opt/frontend'], comm: 'frontend' });
        engine(table, { ppid: 100 });
      },
    ],
    [
      'below a shell (somebody dressed it up)',
      'stranger',
      (table) => {
        table.add({ pid: 90, args: ['bash'], comm: 'bash' });
        engine(table, { ppid: 90 });
      },
    ],
    [
      'that somebody detached: it leads its own group',
      'stranger',
      (table) => engine(table, { pgid: 200, sid: 200 }),
    ],
    [
      'beside a program of its group that listens',
      'stranger',
      (table) => {
        table.add({ pid: 150, pgid: 100, sid: 100, args: ['/opt/gateway'], comm: 'gateway' });
        engine(table);
      },
      { evidence: { listening: new Map([[150, [9000]]]) } },
    ],
    ['that is a zombie', 'zombie', (table) => engine(table, { state: 'Z' })],
    [
      'that is root on a machine others use',
      'orphanedWorker',
      (table) => {
        engine(table, { uid: 0, user: 'root' });
        table.add({ pid: 300, uid: 1005 });
        table.selfFacts.uid = 0;
      },
    ],
    [
      'that is ourselves',
      'orphanedWorker',
      (table) => {
        engine(table);
        table.selfFacts.protectedPids = [200];
      },
    ],
    [
      'with no name of an engine',
      'stranger',
      (table) => engine(table, { args: ['python', 'VLLM::EngineCore'], comm: 'python' }),
    ],
    [
      'that is a llama-server of the user',
      'stranger',
      (table) => engine(table, { args: ['/home/me/llama-server', '-m', '/m/blobs/sha256-1'] }),
    ],
    [
      'half-started in a venv without vLLM',
      'stranger',
      (table) =>
        engine(table, {
          args: [
            '/v/bin/python',
            '-c',
            'from multiprocessing.spawn import spawn_main; spawn_main()',
            '--multiprocessing-fork',
          ],
        }),
    ],
  ];
  for (const [title, holderClass, plant, more] of mustNot)
    it(`never offers an engine process ${title}`, () => {
      const table = machine();
      plant(table);
      const holder = judge(table, 200, more);
      assert.deepEqual([holder.class, holder.canEnd], [holderClass, false], holder.reason);
      assert.notEqual(holder.reason, '');
    });

  it('names pids without a process as dead, or in a container as somebody else’s', () => {
    const table = machine();
    assert.equal(judge(table, 999).class, 'deadPid');
    table.selfFacts.inContainer = true;
    assert.equal(judge(table, 999).class, 'otherNamespace');
    assert.equal(judge(table, 999, { table: [] }).class, 'stranger', 'no process table at all');
  });

  it('takes a number that Windows lists no program for as neither dead nor ours', () => {
    const table = machine();
    Object.assign(table.selfFacts, { uid: null, system: 'windows' });
    const { class: holderClass, canEnd, remedy } = judge(table, 4);
    assert.deepEqual([holderClass, canEnd], ['stranger', false]);
    assert.match(remedy, /Task Manager/);
  });

  it('has the remedy that is right for each case', () => {
    const table = machine();
    const elsewhere = 'c0ffee'.repeat(10);
    engine(table, { containerId: `${elsewhere}abcd` });
    assert.match(judge(table, 200).remedy, /`docker stop c0ffeec0ffee`/);
    table.add({ pid: 100, args: ['python', 'x.py'], comm: 'python' });
    engine(table, { ppid: 100, state: 'Z' });
    assert.match(judge(table, 200).remedy, /`kill -CHLD 100`.*python 100/);
    engine(table, { uid: 998, user: 'ollama' });
    assert.match(judge(table, 200).remedy, /service.*administrator/);
    engine(table, { uid: 1001, user: 'eva' });
    assert.match(judge(table, 200).remedy, /^Ask eva/);
    table.add({ pid: 90, args: ['python', '-m', 'ipykernel_launcher'], comm: 'python' });
    engine(table, { ppid: 90 });
    assert.match(judge(table, 200).remedy, /^Restart the kernel python 90/);
    engine(table, { args: ['ray::Worker'], comm: 'ray::Worker' });
    assert.match(judge(table, 200).remedy, /`ray stop`/);
    const self = { ...table.selfFacts, inContainer: true, system: 'wsl' as const };
    assert.match(judge(table, 999, { self }).remedy, /`wsl --shutdown`/);
  });

  it('offers nothing where nobody’s user can be told', () => {
    const table = machine();
    engine(table, { uid: null, user: null, pgid: null, sid: null });
    const self = { ...table.selfFacts, uid: null, system: 'windows' as const };
    const holder = judge(table, 200, { self });
    assert.deepEqual([holder.class, holder.canEnd], ['orphanedWorker', false]);
    assert.match(holder.reason, /whose it is cannot be told/);
  });

  it('takes who was given a server’s words for no server', () => {
    const table = machine();
    const words = ['/v/bin/python', '/v/bin/vllm', 'serve', 'm'];
    for (const args of [
      ['/v/bin/python', 'launch.py', ...words],
      ['bash', '-c', '"$@" & wait', 'bash', ...words],
      ['/usr/bin/uv', 'run', 'vllm', 'serve', 'm'],
    ]) {
      table.add({ pid: 90, args, comm: 'launcher' });
      engine(table, { ppid: 90 });
      const { class: holderClass, reason } = judge(table, 200);
      const isShell = args[0] === 'bash';
      // a shell reaps nobody's children: what hangs below it is not known to be left over
      assert.equal(holderClass, isShell ? 'stranger' : 'orphanedWorker', reason);
    }
    for (const args of [
      words,
      ['/v/bin/python', '-u', '-X', 'dev', '/v/bin/vllm', 'serve', 'm'],
      ['/v/bin/python3.12', '-m', 'vllm.entrypoints.openai.api_server'],
      ['/v/bin/vllm', 'serve', 'm'],
    ]) {
      table.add({ pid: 90, args, comm: 'python3' });
      engine(table, { ppid: 90 });
      assert.match(judge(table, 200).reason, /python3 90 above it is alive/, args.join(' '));
    }
  });

  it('names the parent a zombie waits for', () => {
    const table = machine();
    table.add({ pid: 100, args: ['python', 'x.py'], comm: 'python' });
    engine(table, { ppid: 100, state: 'Z' });
    assert.match(judge(table, 200).reason, /python 100/);
  });

  it('knows our servers and adopted ones, and what they left when they died', () => {
    const table = machine();
    const main = table.add({
      pid: 100,
      args: ['/v/python', '/v/vllm', 'serve', 'm'],
      comm: 'vllm',
    });
    engine(table, { ppid: 100, startedAtMs: table.clock.now() });
    const record = {
      launchId: 'L',
      engine: 'vllm' as const,
      main: identityOf(main),
      pgid: 100,
      sid: 100,
      port: 8000,
      seen: [],
    };
    assert.equal(judge(table, 200, { launches: [{ record, origin: 'ours' }] }).class, 'ourServer');
    assert.equal(
      judge(table, 200, { launches: [{ record, origin: 'adopted' }] }).class,
      'adoptedServer',
    );
    table.end(100);
    const left = judge(table, 200, { launches: [{ record, origin: 'ours' }] });
    assert.equal(left.launchId, 'L');
    assert.deepEqual(
      [left.class, left.canEnd],
      ['orphanedWorker', true],
      'our own record needs no minute',
    );
  });

  it('lets the port decide where main is gone and something server-like lives on', () => {
    const table = machine();
    const wrapper = table.add({ pid: 100, args: ['/usr/bin/uv', 'run', 'vllm', 'serve', 'm'] });
    table.add({
      pid: 200,
      ppid: 100,
      pgid: 100,
      sid: 100,
      args: ['/v/python', '/v/bin/vllm', 'serve', 'm'],
    });
    const seen = [identityOf(table.processes.get(200)!)];
    const record = {
      launchId: 'W',
      engine: 'vllm' as const,
      main: identityOf(wrapper),
      pgid: 100,
      sid: 100,
      port: 8000,
      seen,
    };
    const launches = [{ record, origin: 'ours' as const }];
    table.end(100);
    const withPorts = (...ports: number[]): Holder =>
      judge(table, 200, { launches, evidence: { listening: new Map([[200, ports]]) } });
    assert.equal(
      judge(table, 200, { launches }).class,
      'ourServer',
      'not looked at: not to be ended',
    );
    assert.equal(withPorts(8000).class, 'ourServer');
    assert.deepEqual([withPorts(9).class, withPorts().canEnd], ['orphanedWorker', true]);
  });

  it('knows an adopted server of another user, and leaves what it left to its owner', () => {
    const table = machine();
    const service = { uid: 998, user: 'ollama' };
    const main = table.add({
      pid: 100,
      args: ['/usr/bin/ollama', 'serve'],
      comm: 'ollama',
      ...service,
    });
    table.add({
      pid: 200,
      ppid: 100,
      pgid: 100,
      sid: 100,
      args: ['/usr/bin/ollama', 'runner'],
      ...service,
    });
    const record = {
      launchId: 'A',
      engine: 'ollama' as const,
      main: identityOf(main),
      pgid: 100,
      sid: 100,
      port: 11434,
      seen: [],
    };
    const launches = [{ record, origin: 'adopted' as const }];
    assert.equal(judge(table, 200, { launches }).class, 'adoptedServer');
    table.end(100);
    assert.deepEqual(
      [judge(table, 200, { launches }).class, judge(table, 200, { launches }).canEnd],
      ['otherUser', false],
    );
  });

  it('offers Ollama’s runner whose server died, by parent or by our mark', () => {
    const table = machine();
    const args = ['/usr/lib/ollama/llama-server', '--model', '/m/blobs/sha256-1', '--no-webui'];
    table.add({ pid: 200, pgid: 100, sid: 100, args, comm: 'llama-server' });
    assert.equal(judge(table, 200).canEnd, true);
    table.add({ pid: 100, args: ['/usr/bin/ollama', 'serve'], comm: 'ollama' });
    table.processes.set(200, { ...table.processes.get(200)!, ppid: 100 });
    assert.equal(judge(table, 200).canEnd, false);
  });

  it('offers a half-started engine whose venv holds vLLM', () => {
    const table = machine();
    engine(table, {
      comm: 'python',
      args: [
        '/v/bin/python',
        '-c',
        'from multiprocessing.spawn import spawn_main; spawn_main()',
        '--multiprocessing-fork',
      ],
    });
    const evidence = { vllmPythons: new Set(['/v/bin/python']) };
    assert.equal(judge(table, 200, { evidence }).canEnd, true);
  });

  it('shows no secrets', () => {
    const table = machine();
    table.add({ pid: 200, args: ['python', 'x.py', '--api-key', 'geheim'] });
    assert.ok(!JSON.stringify(judge(table, 200)).includes('geheim'));
  });
});
