import assert from 'node:assert/strict';
import { createRepeatedCalls } from '../../../../src/app/gpus/repeatedCalls';
import { FakeExec, printed, RecordingLog, settle, VirtualClock } from '../../../support/fakePorts';

const call = (file: string, repeat: string) => ({
  file,
  args: ['--all'],
  timeoutMs: 5_000,
  repeat,
});
const calls = [call('/smi', '-lms'), call('/shell', '-every')];

describe('tools that are left running', () => {
  it('run side by side, each answering for itself, and all end together', async () => {
    const exec = new FakeExec();
    const clock = new VirtualClock();
    for (const { file } of calls) exec.scripts.set(file, () => printed(`index, of\n0, ${file}\n`));
    const repeated = createRepeatedCalls({ exec, clock, log: new RecordingLog() }, () => 2_000);
    for (let times = 0; times < 2; times++)
      for (const one of calls) await repeated.run(one, { isFresh: false });
    assert.deepEqual(
      exec.streams.map(({ spec }) => [spec.file, ...spec.args]),
      [
        ['/smi', '--all', '-lms', '2000'],
        ['/shell', '--all', '-every', '2000'],
      ],
    );
    for (const { spec } of exec.streams) spec.onText(`index, of\n0, round of ${spec.file}\n`);
    const singles = exec.calls.length;
    for (const one of calls) {
      const answer = await repeated.run(one, { isFresh: false });
      assert.ok(answer.ok);
      assert.match(answer.value.stdout, new RegExp(`round of ${one.file}`));
    }
    assert.equal(exec.calls.length, singles, 'nothing is started for these');
    repeated.stop();
    await settle();
    assert.ok(exec.streams.every(({ spec }) => spec.signal.aborted));
  });

  it('take no card that is new for a round of its own', async () => {
    const exec = new FakeExec();
    exec.scripts.set('/smi', () => printed('index, of\n0, first\n'));
    const doors = { exec, clock: new VirtualClock(), log: new RecordingLog() };
    const repeated = createRepeatedCalls(doors, () => 2_000);
    for (let times = 0; times < 2; times++)
      await repeated.run(call('/smi', '-lms'), { isFresh: false });
    const [stream] = exec.streams;
    exec.scripts.set('/smi', () => printed('index, of\n0, first\n1, second\n'));
    stream?.spec.onText('index, of\n0, first\n1, second\n');
    assert.equal(stream?.spec.signal.aborted, true);
    const answer = await repeated.run(call('/smi', '-lms'), { isFresh: false });
    assert.ok(answer.ok);
    assert.match(answer.value.stdout, /first\n1, second/);
  });

  it('give a slow tool as long for its first round as for a single answer', async () => {
    const exec = new FakeExec();
    const clock = new VirtualClock();
    exec.scripts.set('/shell', async () => {
      await clock.sleep(4_000);
      return printed('index, of\n0, single\n');
    });
    const slow = { ...call('/shell', '-every'), timeoutMs: 20_000 };
    const repeated = createRepeatedCalls({ exec, clock, log: new RecordingLog() }, () => 2_000);
    const ask = () => repeated.run(slow, { isFresh: false });
    for (let times = 0; times < 2; times++) await clock.until(ask());
    const [stream] = exec.streams;
    clock.after(8_000, () => {
      stream?.spec.onText('index, of\n0, round\n');
    });
    const answer = await clock.until(ask());
    assert.equal(stream?.spec.signal.aborted, false);
    assert.ok(answer.ok && answer.value.stdout.includes('round'));
    // later ones get no more than their time
    await clock.pass(1_000);
    const late = ask();
    await clock.pass(5_500);
    assert.equal(stream.spec.signal.aborted, true);
    await clock.until(late);
  });
});
