import assert from 'node:assert/strict';
import { gaugeOf } from '../../../../src/app/gpus/gauge';
import { shortCommand } from '../../../../src/app/holders/shortCommand';
import { settingDefaults, type Settings } from '../../../../src/app/settings';
import { reduce, type Action } from '../../../../src/app/reducer';
import { initialState, type Server } from '../../../../src/app/state';
import { emptyWish } from '../../../../src/app/planning/wishes';
import type { Gpu } from '../../../../src/gpu/gpu';
import type { Holder } from '../../../../src/processes/process';
import { GIB, gpuOf, holderOf, sampleOf, serverOf } from '../../../support/fakePorts';

const AT = 1_800_000_000_000;

const sampled = (gpus: Gpu[], simulated = false): Action => ({
  type: 'sampled',
  sample: sampleOf({ gpus }),
  atMs: AT,
  simulated,
  warnPercent: 85,
});

const gauge = (actions: Action[], settings: Partial<Settings> = {}, nowMs = AT) => {
  const all = { ...settingDefaults(), ...settings };
  return gaugeOf(actions.reduce(reduce, initialState(emptyWish(all))), all, nowMs);
};

const added = (server: Partial<Server>): Action => ({
  type: 'serverAdded',
  server: serverOf(server),
});
const failed = added({ phase: 'ended', endReason: 'failed', seen: false });

describe('gauge', () => {
  it('shows one GPU with its unit, two in full, of three the fullest', () => {
    const one = gpuOf({ usedBytes: 1.5 * GIB });
    const two = gpuOf({ index: 1, usedBytes: 12 * GIB, totalBytes: 16 * GIB });
    const three = gpuOf({ index: 2, usedBytes: 20 * GIB });
    assert.equal(gauge([sampled([one])]).text, '$(chip) 1.5/24.0 GiB');
    assert.equal(gauge([sampled([one, two])]).text, '$(chip) 1.5/24.0 · 12.0/16.0 GiB');
    assert.equal(gauge([sampled([one, two, three])]).text, '$(chip) 20.0/24.0 GiB +2');
  });

  it('never shows unknown as 0', () => {
    const { text, hover, spoken } = gauge([
      sampled([gpuOf({ usedBytes: null, freeBytes: null, utilizationPercent: null })]),
    ]);
    assert.equal(text, '$(chip) ?/24.0 GiB');
    assert.match(hover.replaceAll('&nbsp; ', ''), /\| unknown \| 24\.0 GiB \| unknown \| – \|/);
    assert.match(spoken, /unknown of 24\.0 GiB used/);
  });

  it('tells the age of a figure older than three intervals, in text and hover', () => {
    const fresh = gauge([sampled([gpuOf()])], {}, AT + 6_000);
    assert.doesNotMatch(fresh.text, /old/);
    assert.doesNotMatch(fresh.hover, /ago/);
    const stale = gauge([sampled([gpuOf()])], {}, AT + 42_000);
    assert.match(stale.text, /· 42s old$/);
    assert.match(stale.hover, /Seen 42s ago/);
  });

  it('says no answer where there never was one, and why in the hover', () => {
    const { text, hover, visible } = gauge([
      { type: 'samplingFailed', text: 'nvidia-smi: driver *lost*', atMs: AT },
    ]);
    assert.equal(text, '$(chip) GPU ? · no answer');
    assert.ok(hover.includes('driver \\*lost\\*'));
    assert.equal(visible, true);
  });

  it('labels simulated figures everywhere', () => {
    const { text, hover, spoken } = gauge([sampled([gpuOf()], true)]);
    assert.match(text, /simulated/);
    assert.match(hover, /^\*\*Simulated GPU\*\*/);
    assert.match(spoken, /^Simulated/);
    assert.doesNotMatch(gauge([sampled([gpuOf()])]).text, /simulated/);
  });

  it('is hidden without a GPU, shown when asked for, never when not wanted', () => {
    const absent: Action[] = [{ type: 'noGpuTool' }];
    assert.equal(gauge(absent).visible, false);
    assert.equal(gauge([]).visible, false);
    assert.equal(gauge(absent, { 'statusBar.visibility': 'always' }).visible, true);
    assert.equal(gauge(absent).text, '$(chip) no GPU');
    assert.equal(gauge([sampled([gpuOf()])]).visible, true);
    assert.equal(gauge([sampled([gpuOf()])], { 'statusBar.visibility': 'never' }).visible, false);
  });

  it('warns of pressure, but not of what we planned ourselves', () => {
    const full = sampled([gpuOf({ usedBytes: 22 * GIB })]);
    assert.equal(gauge([full]).colour, 'warning');
    assert.match(gauge([full]).spoken, /22\.0 GiB of 24\.0 GiB used, memory is short$/);
    assert.equal(gauge([added({ plannedBytesPerGpu: [22 * GIB] }), full]).colour, 'none');
    assert.equal(gauge([sampled([gpuOf()])]).colour, 'none');
  });

  it('shows a failure until it was seen; a wanted stop is none', () => {
    const { colour, text, spoken } = gauge([sampled([gpuOf()]), failed]);
    assert.equal(colour, 'error');
    assert.match(spoken, /used, .* failed$/);
    assert.match(text, /^\$\(error\)/);
    const seen: Action = { type: 'serverChanged', id: 'launch-1', change: { seen: true } };
    assert.equal(gauge([sampled([gpuOf()]), failed, seen]).colour, 'none');
    const stopped = added({ phase: 'ended', endReason: 'stopped', seen: false });
    assert.equal(gauge([sampled([gpuOf()]), stopped]).colour, 'none');
  });

  it('lists the five largest holders and lets none of their names become markup', () => {
    const holders = [1, 2, 3, 4, 5].map((gib) =>
      holderOf({ pid: gib, command: `tool${gib}`, usedBytes: gib * GIB }),
    );
    const evil = holderOf({
      pid: 99,
      command: '[x](command:evil)|`$(rocket)`<img>\n**b**',
      usedBytes: 9 * GIB,
    });
    const { hover } = gauge([
      sampled([gpuOf()]),
      { type: 'holdersJudged', holders: [...holders, evil], usedByServer: new Map() },
    ]);
    const rows = hover.split('\n').filter((line) => /\(\d+\) \|/.test(line));
    assert.deepEqual(
      rows.map((row) => /\((\d+)\) \|/.exec(row)?.[1]),
      ['99', '5', '4', '3', '2'],
    );
    const [name = ''] = rows;
    assert.doesNotMatch(name, /(?<!\\)[[\]`$<*]/);
    assert.equal(name.match(/(?<!\\)\|/g)?.length, 4);
  });

  it('keeps the hover the same while it says the same', () => {
    const state = [sampled([gpuOf()])];
    assert.equal(gauge(state, {}, AT).hover, gauge(state, {}, AT + 5_000).hover);
  });
});

describe('trends in the hover', () => {
  const growth = [{ pid: 7, name: 'python', grewBytes: 1.2 * GIB, overMs: 30_000 }];
  const trends = new Map([[0, { sparkline: '▁▃▅', growth, fullInMs: 250_000 }]]);
  const hoverOf = (actions: Action[]) => {
    const all = settingDefaults();
    const state = [sampled([gpuOf()]), ...actions].reduce(reduce, initialState(emptyWish(all)));
    return gaugeOf(state, all, AT, trends).hover;
  };
  const judged = (holder: Partial<Holder>): Action => ({
    type: 'holdersJudged',
    holders: [holderOf({ pid: 7, ...holder })],
    usedByServer: new Map(),
  });

  it('are the last minutes, who grew, and when it will be full', () => {
    const hover = hoverOf([judged({})]);
    assert.match(hover, /Last 15 min \|\n.*\n.*▁▃▅ \|/);
    assert.match(hover, /GPU 0: PID 7 python train\.py grew by 1\.2 GiB in 30s/);
    assert.match(hover, /GPU 0: full in about 4 min/);
  });

  it('leave out what our own servers were planned to take', () => {
    assert.doesNotMatch(hoverOf([judged({ class: 'ourServer' })]), /grew/);
    const starting = hoverOf([judged({}), added({ phase: 'starting', gpus: [0] })]);
    assert.doesNotMatch(starting, /full in/);
    assert.match(starting, /PID 7/);
  });
});

describe('shortCommand', () => {
  it('is the program and its first argument, without folders', () => {
    assert.equal(shortCommand('/usr/bin/python3 /home/me/train.py --lr 1'), 'python3 train.py');
    assert.equal(shortCommand('C:\\Tools\\ollama.exe serve'), 'ollama.exe serve');
    assert.equal(shortCommand('python -u -m ipykernel_launcher -f a'), 'python ipykernel_launcher');
    assert.equal(shortCommand('/bin/bash -c while :; do sleep 1; done'), 'bash');
    assert.equal(shortCommand('/usr/lib/Xorg -core :0'), 'Xorg');
    assert.equal(shortCommand('code --type=gpu-process --x'), 'code --type=gpu-process');
    assert.equal(shortCommand(null), 'unknown process');
    assert.equal(shortCommand('x'.repeat(100)).length, 40);
  });
});
