import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openExec } from '../../../src/system/exec';

const node = process.execPath;
const run = (code: string, more: object = {}): ReturnType<ReturnType<typeof openExec>['run']> =>
  openExec().run({ file: node, args: ['-e', code], timeoutMs: 8000, ...more });

describe('exec', () => {
  it('gives both outputs and the exit code, which is no failure', async () => {
    const result = await run(
      'console.log("aus\\n"); console.error("fehler"); process.exitCode = 14',
    );
    assert.deepEqual(result, {
      ok: true,
      value: { stdout: 'aus\n\n', stderr: 'fehler\n', exitCode: 14 },
    });
  });

  it('uses no shell, no input, and the C locale', async () => {
    const result = await openExec().run({
      file: node,
      args: [
        '-e',
        'process.stdin.on("end", () => console.log(process.argv[1], process.env.LC_ALL, process.env.X)); process.stdin.resume()',
        '$(id) "a b" ;',
      ],
      timeoutMs: 8000,
      env: { X: 'y' },
    });
    assert.equal(result.ok && result.value.stdout, '$(id) "a b" ; C y\n');
  });

  it('ends what takes too long, also when a grandchild keeps the pipes', async () => {
    const from = Date.now();
    const result = await run(
      'require("child_process").spawn("sleep", ["6"], { stdio: "inherit" }); setInterval(() => {}, 1e3); process.on("SIGTERM", () => {})',
      { timeoutMs: 700 },
    );
    assert.ok(!result.ok && result.failure.reason === 'timedOut');
    assert.ok(Date.now() - from < 3500, `${Date.now() - from} ms`);
  });

  it('keeps what comes just before the end, and letters that arrive in two pieces', async () => {
    const result = await run(
      'const b = Buffer.from("é"); process.stdout.write(b.subarray(0, 1)); setTimeout(() => process.stdout.write(Buffer.concat([b.subarray(1), Buffer.alloc(300_000, 120)])), 60)',
    );
    assert.ok(result.ok && result.value.stdout === `é${'x'.repeat(300_000)}`);
  });

  it('can be cancelled before and while it runs', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 150);
    const during = await run('setInterval(() => {}, 1e3)', { signal: abort.signal });
    assert.ok(!during.ok && during.failure.reason === 'cancelled');
    const before = await run('1', { signal: abort.signal });
    assert.ok(!before.ok && before.failure.reason === 'cancelled');
  });

  it('streams what a tool goes on printing, and kills it', async () => {
    const over = new AbortController();
    const heard: string[] = [];
    const code =
      'console.log(process.pid, process.env.LC_ALL); setInterval(() => console.log("x"), 20)';
    const result = await openExec().stream({
      file: node,
      args: ['-e', code],
      signal: over.signal,
      onText(text) {
        heard.push(text);
        if (heard.length === 3) over.abort();
      },
    });
    assert.deepEqual(result, { ok: true, value: null });
    assert.equal(heard.length, 3);
    const [, pid] = /^(\d+) C\n/.exec(heard[0] ?? '') ?? [];
    assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' });
  });

  it('says how a streamed tool ended, and why it could not be started', async () => {
    const stream = (file: string, code = '', signal = new AbortController().signal) =>
      openExec().stream({ file, args: ['-e', code], signal, onText: () => undefined });
    assert.deepEqual(await stream(node, 'process.exit(3)'), { ok: true, value: 3 });
    const missing = await stream('/nowhere/tool');
    assert.ok(!missing.ok && missing.failure.reason === 'toolMissing');
    const refused = await stream(os.tmpdir());
    assert.ok(!refused.ok && refused.failure.reason === 'failed');
    const cancelled = await stream(node, '', AbortSignal.abort());
    assert.ok(!cancelled.ok && cancelled.failure.reason === 'cancelled');
  });

  it('says that a tool is missing, that a signal ended it, that it said too much', async () => {
    for (const file of ['no-such-tool-here', '/nowhere/tool', './tool', ''])
      assert.deepEqual(
        await openExec()
          .run({ file, args: [], timeoutMs: 1000 })
          .then((r) => !r.ok && r.failure.reason),
        'toolMissing',
        file,
      );
    // what spawn refuses by throwing, and what it tells later
    for (const wrong of [{ args: ['a\0b'] }, { file: os.tmpdir() }]) {
      const refused = await run('', wrong);
      assert.ok(!refused.ok && refused.failure.reason === 'failed', JSON.stringify(refused));
    }
    const killed = await run('process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1e3)');
    assert.equal(killed.ok && killed.value.exitCode, null);
    const loud = await run('for (;;) require("fs").writeSync(1, "x".repeat(65536))');
    assert.ok(
      !loud.ok && loud.failure.reason === 'failed' && loud.failure.detail.includes('8 MiB'),
    );
  });

  it('never finds a tool in the current folder', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-path-'));
    const before = process.cwd();
    try {
      fs.writeFileSync(path.join(folder, 'nvidia-smi'), '#!/bin/sh\n', { mode: 0o755 });
      fs.writeFileSync(path.join(folder, 'plain'), 'x', { mode: 0o644 });
      process.chdir(folder);
      for (const PATH of ['', ':', '.', './', 'bin:', `:${path.join(folder, 'none')}`])
        assert.equal(await openExec({ PATH }).find('nvidia-smi'), null, PATH);
      const exec = openExec({ PATH: `:${folder}` });
      assert.equal(await exec.find('nvidia-smi'), path.join(folder, 'nvidia-smi'));
      assert.equal(await exec.find('plain'), null);
      assert.equal(await exec.find('../nvidia-smi'), null);
    } finally {
      process.chdir(before);
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
