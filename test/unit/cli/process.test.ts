/** The CLI as scripts see it: a process with streams, a folder, an environment and an exit code. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {
  answerOf,
  assertRefused,
  endOf,
  ollamaRequest,
  removeScratch,
  scratch,
  scratchFile,
  startCli,
  type CliRun,
  type CliSurroundings,
} from './runCli';
import { inFull } from '../../support/effort';

const run = (args: readonly string[], surroundings?: CliSurroundings): Promise<CliRun> =>
  endOf(startCli(args, surroundings));

describe('vram-pilot as a process', function () {
  this.timeout(60_000);
  after(removeScratch);

  it('exits 2 where it does not fit, 3 where it is tight, 4 where facts are missing', async () => {
    const stdin = (document: object) =>
      run(['plan', '--request', '-', '--json'], { stdin: JSON.stringify(document) });
    const small = await stdin(ollamaRequest(4));
    assert.deepEqual([small.code, answerOf(small).verdict], [2, 'doesNotFit']);
    const partly = await stdin(ollamaRequest(24, { numCtx: 8192, numGpu: 10 }));
    assert.deepEqual([partly.code, answerOf(partly).verdict], [3, 'tight']);
    const nothing = await stdin({ engine: 'ollama', model: {}, gpus: [{ totalBytes: 1e10 }] });
    assert.deepEqual([nothing.code, answerOf(nothing).verdict], [4, 'unknown']);
  });

  it('streams an answer per request, in order, and goes on after invalid lines', async () => {
    const lines = [
      JSON.stringify(ollamaRequest(24)),
      'not json',
      JSON.stringify(ollamaRequest(24, { numCtxx: 1 })),
      '',
      JSON.stringify({ ...ollamaRequest(24), model: { path: '/nowhere/at/all' } }),
      JSON.stringify(ollamaRequest(4)),
    ];
    const file = scratchFile('many.jsonl', lines.join('\n'));
    const ended = await run(['plan', '--requests', file, '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const answers = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { verdict?: string; error?: { field: string } });
    assert.deepEqual(
      answers.map(({ verdict, error }) => verdict ?? error?.field),
      ['fits', '', 'options.numCtxx', 'model.path', 'doesNotFit'],
    );
  });

  it('plans thousands of requests in one go', async () => {
    const count = inFull(3000, 300);
    const line = JSON.stringify(ollamaRequest(12, { numCtx: 32768 }));
    const stdin = `${line}\n`.repeat(count);
    const started = performance.now();
    const ended = await run(['plan', '--requests', '-', '--json'], { stdin });
    const seconds = (performance.now() - started) / 1000;
    assert.equal(ended.stdout.trimEnd().split('\n').length, count);
    // 2,000 a second on an idle machine; a busy one may take five times as long.
    assert.ok(seconds < 7.5, `${seconds.toFixed(1)} s for ${count} plans`);
  });

  it('refuses with its exit code, one line and no answer', async () => {
    await assertRefused(run(['plan', '--request', 'nowhere.json']), 66, /nowhere\.json/);
    await assertRefused(run(['plan', '-']), 64, /--request - for standard input/);
  });

  it('looks for files in its folder and for tools on its PATH', async () => {
    const log = 'vLLM API server version 0.11.0\ntorch.OutOfMemoryError: CUDA out of memory.\n';
    scratchFile('here.log', log);
    assert.match((await run(['diagnose', 'here.log'])).stdout, /^vLLM 0\.11\.0/);
    const tools = fs.mkdtempSync(path.join(scratch(), 'tools-'));
    const tool =
      '#!/bin/sh\necho "NVIDIA-SMI has failed because it could not reach the driver."; exit 9\n';
    fs.writeFileSync(path.join(tools, 'nvidia-smi'), tool, { mode: 0o755 });
    const { problems } = answerOf(await run(['gpus', '--json'], { tools }));
    assert.equal((problems as { id: string }[])[0]?.id, 'driver_not_loaded');
  });

  it('ends in silence when its reader has seen enough', async () => {
    const line = JSON.stringify(ollamaRequest(12));
    const child = startCli(['plan', '--requests', '-', '--json'], {
      stdin: `${line}\n`.repeat(200),
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const { code, stderr } = await endOf(child);
    assert.deepEqual([code, stderr], [0, '']);
  });
});
