/** The watch beside a stand-in for Ollama's daemon, through the real HTTP door. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { coexistenceOf } from '../../../../src/app/coexistence/coexistence';
import { ollamaFallbacks } from '../../../../src/app/coexistence/coexistenceText';
import { createCoexistenceWatch } from '../../../../src/app/coexistence/coexistenceWatch';
import { openClock } from '../../../../src/system/clock';
import { openHttp } from '../../../../src/system/http';
import { openNet } from '../../../../src/system/net';
import { fakeContext, GIB, gpuOf, sampleOf, serverOf } from '../../../support/fakePorts';

const PROGRAM = path.resolve('test/support/fakeOllama.mjs');
const PATIENCE_MS = 8_000;

describe('the watch beside a daemon', () => {
  const http = openHttp();
  const clock = openClock();
  let daemon: ChildProcess;
  let base: string;

  const ask = (route: string, body?: object) =>
    http.request({
      url: base + route,
      timeoutMs: PATIENCE_MS,
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });

  before(async () => {
    const port = await openNet().freePort();
    base = `http://127.0.0.1:${String(port)}`;
    daemon = spawn(process.execPath, [PROGRAM, 'serve'], {
      stdio: 'ignore',
      env: { ...process.env, OLLAMA_HOST: `127.0.0.1:${String(port)}` },
    });
    const deadline = clock.elapsedMs() + PATIENCE_MS;
    while (!(await ask('/api/version')).ok) {
      assert.ok(clock.elapsedMs() < deadline, 'the daemon did not answer');
      await clock.sleep(50);
    }
  });

  after(() => daemon.kill('SIGTERM'));

  it('sees use, growth, the fall to the CPU and the end', async () => {
    const context = { ...fakeContext({ 'ollama.host': base }), http };
    const { store } = context;
    const card = gpuOf({ freeBytes: GIB / 2 });
    const sample = sampleOf({ gpus: [card] });
    store.dispatch({ type: 'sampled', sample, atMs: 0, simulated: false, warnPercent: 85 });
    const watch = createCoexistenceWatch(context, null);
    const look = () => watch.look();
    const kept = () => coexistenceOf(store.state(), context.settings()).ollamaReservationBytes;
    const load = async (model: string) => {
      const answer = await ask('/api/generate', { model, keep_alive: -1 });
      assert.ok(answer.ok);
      assert.equal(answer.value.status, 200);
      await look();
    };
    await look();
    assert.equal(store.state().coexistence.ollama.answers, true);
    assert.equal(kept(), 0);

    await load('tiny');
    assert.equal(kept() / GIB, 12 - 1.375);
    const server = serverOf({ phase: 'ready', usedBytes: 20 * GIB, startedAtMs: 0 });
    store.dispatch({ type: 'serverAdded', server });
    assert.deepEqual(ollamaFallbacks(store.state()), []);

    await load('tiny-half');
    const [fallback, ...others] = ollamaFallbacks(store.state());
    assert.deepEqual(others, []);
    assert.equal(fallback?.model, 'tiny-half:latest');
    assert.match(
      fallback.text,
      /^Ollama runs 704 MiB of the 1\.4 GiB of tiny-half:latest on the CPU/,
    );
    assert.match(fallback.text, /vLLM: m :8000 holds 20\.0 GiB, 0\.5 GiB are free/);
    assert.equal(kept() / GIB, 12 - 1.375 * 1.5);

    daemon.kill('SIGTERM');
    await new Promise((ended) => daemon.once('exit', ended));
    await look();
    assert.deepEqual(ollamaFallbacks(store.state()), []);
    assert.equal(kept(), 0);
  });
});
