/** What stays in memory when GPUs are watched for long: a quarter of an hour here, 24 hours in full. */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gaugeOf } from '../../../../src/app/gpus/gauge';
import { keepHistory } from '../../../../src/app/gpus/history';
import { judgeHolders } from '../../../../src/app/holders/holderJudge';
import { createSampler } from '../../../../src/app/gpus/sampler';
import { nvidiaSource } from '../../../../src/gpu/nvidia/source';
import { inFull } from '../../../support/effort';
import { fakeContext, printed, type FakeContext } from '../../../support/fakePorts';

const HOURS = inFull(24, 0.25);
const TOOL = '/usr/bin/nvidia-smi';
const MIB = 2 ** 20;

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Usage and processes wander; every tenth minute the tool fails. The fakes remember nothing. */
function plantTool({ exec, clock, log }: FakeContext): void {
  exec.onPath.set('nvidia-smi', TOOL);
  exec.scripts.set(TOOL, ({ args }) => {
    exec.calls.length = exec.streams.length = clock.slept.length = log.lines.length = 0;
    const second = Math.floor(clock.elapsedMs() / 1_000);
    if (Math.floor(second / 60) % 10 === 9) return printed('GPU is lost\n', 15);
    const [, what, fields = ''] = /^--query-([a-z-]+)=(.*)$/.exec(args[0] ?? '') ?? [];
    const header = `${fields.replaceAll(',', ', ')}\n`;
    const usedMib = 2_000 + ((second * 37) % 9_000);
    if (what !== 'gpu')
      return printed(`${header}[N/A], ${1_000 + (second % 5_000)}, 900, python\n`);
    const values: Record<string, string> = {
      index: '0',
      'memory.total': '24564',
      'memory.used': String(usedMib),
    };
    return printed(
      `${header}${fields
        .split(',')
        .map((field) => values[field] ?? '[N/A]')
        .join(', ')}\n`,
    );
  });
}

describe('sampling over a day', () => {
  it('keeps memory flat', async function () {
    this.timeout(600_000);
    const context = fakeContext();
    const { store, clock, table, log, files } = context;
    plantTool(context);
    const sampler = createSampler(
      { ...context, families: () => [{ vendor: null, ways: [nvidiaSource] }] },
      {
        intervalMs: () => 2_000,
        warnPercent: () => 85,
        executable: () => '',
        isWatched: () => true,
      },
    );
    const history = keepHistory(store, clock);
    let shown = 0;
    store.watch(
      (state) => state.gpu,
      () => {
        const { hover } = gaugeOf(store.state(), context.settings(), clock.now(), history.trends());
        shown += Math.min(1, hover.length);
      },
    );
    judgeHolders(context, {
      table,
      clock,
      log,
      files,
      sampleGpus: () => Promise.resolve(null),
      launches: () => [],
    });
    const over = new AbortController();
    void sampler.run(over.signal);
    // until the ring is full
    await clock.pass(20 * 60_000);
    const before = heapBytes();
    await clock.pass(HOURS * 3_600_000);
    const grewBytes = heapBytes() - before;
    over.abort();
    assert.ok(shown > HOURS * 1_000, `drawn ${shown} times`);
    assert.ok(grewBytes < 2 * MIB, `${(grewBytes / MIB).toFixed(2)} MiB more in ${HOURS} h`);
    console.log(`      ${(grewBytes / MIB).toFixed(2)} MiB more after ${HOURS} h of samples`);
  });
});
