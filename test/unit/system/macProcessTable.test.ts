import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { openMacProcessTable, type PsTools } from '../../../src/system/macProcessTable';

const here = (more: Partial<PsTools> = {}): PsTools => ({
  ps: 'ps',
  lsof: 'lsof',
  pid: process.pid,
  uid: process.getuid?.() ?? null,
  readBootId: () => 'boot',
  kill: (pid, signal) => process.kill(pid, signal),
  ...more,
});

/** The same tools exist on Linux, with the same columns. */
const describeUnix = process.platform === 'win32' ? describe.skip : describe;

describeUnix('macProcessTable by the ps of this machine', () => {
  it('sees us below our parents', async () => {
    const table = openMacProcessTable(here());
    const rows = await table.withAncestors([process.pid]);
    assert.equal(rows[0]?.pid, process.pid);
    assert.equal(rows[1]?.pid, process.ppid);
    assert.equal(rows[0].uid, process.getuid?.());
    assert.ok(rows[0].args.length > 1, rows[0].args.join(' '));
    const ageMs = Date.now() - (rows[0].startedAtMs ?? 0);
    assert.ok(ageMs > -2000 && ageMs < 3_600_000, `${ageMs} ms old`);
    assert.deepEqual((await table.self()).protectedPids.slice(0, 2), [process.pid, process.ppid]);
  });

  it('finds the port a process listens on', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    const ports = await openMacProcessTable(here()).listeningPorts(process.pid);
    server.close();
    // a minimal machine has no lsof: then no port is known
    if (ports.length > 0) assert.ok(ports.includes(port), ports.join(' '));
  });
});

/** A ps of our own whose answer a test may change; one process, 4711, below us. */
describeUnix('macProcessTable signals', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-ps-'));
  const answer = path.join(folder, 'answer');
  const ps = path.join(folder, 'ps');
  fs.writeFileSync(ps, `#!/bin/sh\ncat '${answer}'\n`, { mode: 0o755 });
  after(() => fs.rmSync(folder, { recursive: true }));

  const row = (pid: number, ppid: number, uid: number, started: string, state = 'S') =>
    ` ${pid} ${ppid} ${pid} 0 ${uid} me ${state} Fri Nov 20 ${started} 2026 python\n`;
  const us = row(1, 0, 0, '08:00:00') + row(40, 1, 501, '08:00:01') + row(50, 40, 501, '08:00:02');
  const write = (text: string) => fs.writeFileSync(answer, us + text);

  async function target(more: Partial<PsTools> = {}) {
    const killed: number[] = [];
    const table = openMacProcessTable(
      here({ ps, pid: 50, uid: 501, kill: (pid) => void killed.push(pid), ...more }),
    );
    write(row(4711, 50, 501, '09:00:00'));
    const found = await table.one(4711);
    assert.ok(found);
    return { table, found, killed };
  }

  it('reach the very process', async () => {
    const { table, found, killed } = await target();
    assert.equal(await table.signal(found, 'SIGTERM'), 'sent');
    assert.deepEqual(killed, [4711]);
  });

  const never: readonly (readonly [string, string, string])[] = [
    ['its number went to a younger one', row(4711, 50, 501, '09:00:01'), 'changed'],
    ['it is another user’s now', row(4711, 50, 502, '09:00:00'), 'refused'],
    ['it has ended', row(4711, 50, 501, '09:00:00', 'Z'), 'gone'],
    ['it is gone', '', 'gone'],
  ];
  for (const [when, rows, outcome] of never)
    it(`do not reach it where ${when}`, async () => {
      const { table, found, killed } = await target();
      write(rows);
      assert.equal(await table.signal(found, 'SIGKILL'), outcome);
      assert.deepEqual(killed, []);
    });

  it('never reach us, our ancestors, or anybody where identities cannot be told', async () => {
    const { table, found, killed } = await target();
    for (const pid of [1, 40, 50]) {
      const one = await table.one(pid);
      assert.ok(one);
      assert.equal(await table.signal(one, 'SIGTERM'), 'refused');
    }
    const blind = await target({ readBootId: () => '' });
    assert.equal(await blind.table.signal(blind.found, 'SIGTERM'), 'refused');
    fs.writeFileSync(answer, 'ps: no\n');
    assert.equal(await table.signal(found, 'SIGTERM'), 'refused', 'nothing can be seen');
    assert.deepEqual([...killed, ...blind.killed], []);
  });

  it('ends a real child', async () => {
    const child = spawn('sleep', ['60']);
    const table = openMacProcessTable(here());
    const found = await table.one(child.pid ?? 0);
    assert.ok(found);
    const exit = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    // Linux counts ticks since the boot and may print the second before or after: then it looks like another process
    const outcome = await table.signal(found, 'SIGTERM');
    if (outcome !== 'sent') child.kill('SIGKILL');
    assert.ok(
      outcome === 'sent' || (outcome === 'changed' && process.platform === 'linux'),
      outcome,
    );
    await exit;
  });
});
