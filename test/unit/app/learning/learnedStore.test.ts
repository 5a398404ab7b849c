import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createLearnedStore, LEARNED_FILE } from '../../../../src/app/learning/learnedStore';
import type { Files } from '../../../../src/app/ports';
import { changeTeamFile, readTeamFile } from '../../../../src/app/learning/teamFile';
import { conditionKey } from '../../../../src/learning/conditions';
import {
  readDocument,
  writeDocument,
  type LearnedDocument,
} from '../../../../src/learning/learnedDocument';
import type { LearnedRecord } from '../../../../src/learning/learnedRecord';
import { openClock } from '../../../../src/system/clock';
import { openFiles } from '../../../../src/system/files';
import { inFull } from '../../../support/effort';
import { RecordingLog } from '../../../support/fakePorts';
import { recordWith } from '../../../support/learnedRecords';
import { memoryFiles, type MemoryFiles } from '../../../support/memoryFiles';

const FOLDER = '/storage';
const FILE = `${FOLDER}/${LEARNED_FILE}`;

const added = (...records: LearnedRecord[]): LearnedDocument => ({ records, forgotten: [] });
const named = (model: string, atMs = 1_800_000_000_000) => recordWith({ atMs, outcome: { model } });
const modelsIn = (document: LearnedDocument) =>
  document.records.map(({ outcome }) => outcome.model).sort();

function modelsOnDisk(text: string | null): (string | null)[] {
  const read = readDocument(text ?? '');
  assert.ok(read.ok, text ?? 'no file');
  return modelsIn(read.value.document);
}

/** Every call waits for some turns, so that two windows interleave; drawn from a seed. */
function slow(files: Files, seed: number): Files {
  let state = seed;
  const pause = async () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    for (let turns = state % 5; turns > 0; turns -= 1)
      await new Promise((next) => setImmediate(next));
  };
  return {
    ...files,
    stat: async (file) => (await pause(), files.stat(file)),
    readText: async (file, max) => (await pause(), files.readText(file, max)),
    writeAtomic: async (file, text) => (await pause(), files.writeAtomic(file, text)),
    rename: async (from, to) => (await pause(), files.rename(from, to)),
  };
}

describe('the file of what was learned', () => {
  let files: MemoryFiles;
  let log: RecordingLog;
  /** Waits for a turn only. */
  const clock = { ...openClock(), sleep: () => new Promise<void>((next) => setImmediate(next)) };
  const open = (given: Files = files) => createLearnedStore({ files: given, clock, log }, FOLDER);

  beforeEach(() => {
    files = memoryFiles();
    log = new RecordingLog();
  });

  it('is there for the next window, and not before there is something to say', async () => {
    const store = open();
    assert.ok((await store.sync()).ok);
    assert.equal(files.text(FILE), null);
    assert.ok((await store.change(added(named('a')))).ok);
    const next = open();
    assert.ok((await next.sync()).ok);
    assert.deepEqual(next.known(), store.known());
    assert.equal(next.problem(), null);
  });

  it('loses nothing of two windows that write at once, interleaved in memory', async () => {
    for (let seed = 1; seed <= inFull(40, 10); seed += 1) {
      files = memoryFiles();
      const windows = [open(slow(files, seed)), open(slow(files, seed * 7919))] as const;
      const names = Array.from({ length: 10 }, (_, at) => `${seed}-${at}`);
      await Promise.all(
        names.map((name, at) => windows[(at % 2) as 0 | 1].change(added(named(name)))),
      );
      // as every window does some seconds later
      for (const window of windows) await window.sync();
      assert.deepEqual(modelsOnDisk(files.text(FILE)), [...names].sort());
    }
  });

  it('loses nothing of two windows that write real files at once, and leaves none behind', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-learned-'));
    try {
      const real = openFiles();
      const windows = [1, 2].map(() => createLearnedStore({ files: real, clock, log }, folder));
      const names = Array.from({ length: 24 }, (_, at) => `model-${at}`);
      await Promise.all(names.map((name, at) => windows[at % 2]!.change(added(named(name)))));
      for (const window of windows) assert.ok((await window.sync()).ok);
      const text = fs.readFileSync(path.join(folder, LEARNED_FILE), 'utf8');
      assert.deepEqual(modelsOnDisk(text), [...names].sort());
      assert.deepEqual(fs.readdirSync(folder), [LEARNED_FILE]);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });

  it('does not bring back what another window forgot', async () => {
    const [here, there] = [open(), open()];
    const record = named('a', 10);
    await here.change(added(record));
    await there.change({ records: [], forgotten: [{ key: conditionKey(record), atMs: 10 }] });
    await here.sync();
    await here.change(added(named('b', 11)));
    assert.deepEqual(modelsIn(here.known()), ['b']);
    await there.sync();
    assert.deepEqual(modelsIn(there.known()), ['b']);
  });

  it('sets a file aside that is cut anywhere, says so once, and goes on', async () => {
    const text = writeDocument(added(named('old')));
    for (let length = 0; length < text.length - 1; length += inFull(1, 7)) {
      files = memoryFiles({ [FILE]: text.slice(0, length) });
      log = new RecordingLog();
      const store = open();
      await store.sync();
      await store.change(added(named('new')));
      await store.sync();
      const aside = (await files.list(FOLDER)).filter((name) => name.includes('.corrupt-'));
      assert.equal(aside.length, 1, `cut at ${length}`);
      assert.equal(files.text(`${FOLDER}/${aside[0]}`), text.slice(0, length));
      assert.match(
        store.problem() ?? '',
        /could not be read \(.+\); the file was kept as .+corrupt/,
      );
      assert.equal(log.lines.filter((line) => line.startsWith('warn')).length, 1);
      assert.deepEqual(modelsOnDisk(files.text(FILE)), ['new']);
    }
  });

  it('sets the file of a later version aside, and keeps three such files at most', async () => {
    for (let version = 2; version <= 6; version += 1) {
      files.put(FILE, `{"version":${version},"records":[]}`, Date.UTC(2026, 1, version));
      await open().sync();
    }
    const aside = [...(await files.list(FOLDER))].sort();
    assert.deepEqual(aside, [
      `${LEARNED_FILE}.corrupt-20260204T000000Z`,
      `${LEARNED_FILE}.corrupt-20260205T000000Z`,
      `${LEARNED_FILE}.corrupt-20260206T000000Z`,
    ]);
  });

  it('never overwrites a file that it may not read', async () => {
    files.put(FILE, writeDocument(added(named('old'))));
    files.forbid(FILE);
    const store = open();
    const changed = await store.change(added(named('new')));
    assert.ok(!changed.ok);
    assert.match(store.problem() ?? '', /could not be read/);
    assert.deepEqual(modelsIn(store.known()), ['new']);
    assert.match(files.text(FILE) ?? 'forbidden', /forbidden/);
  });

  it('keeps in memory what a full disk does not take, says so, and writes it when there is room', async () => {
    const store = open();
    await store.change(added(named('before')));
    files.isFull = true;
    for (const name of ['a', 'b']) assert.equal((await store.change(added(named(name)))).ok, false);
    assert.match(store.problem() ?? '', /lost with this window.*ENOSPC/);
    assert.equal(log.lines.filter((line) => line.startsWith('warn')).length, 1);
    assert.deepEqual(modelsIn(store.known()), ['a', 'b', 'before']);
    assert.deepEqual(modelsOnDisk(files.text(FILE)), ['before']);
    files.isFull = false;
    assert.ok((await store.sync()).ok);
    assert.equal(store.problem(), null);
    assert.deepEqual(modelsOnDisk(files.text(FILE)), ['a', 'b', 'before']);
  });
});

describe('the team file', () => {
  const TEAM = '/project/.vscode/vram-calibration.json';

  it('is merged into what a pull brought, without what is simulated and without tombstones', async () => {
    const files = memoryFiles({
      [TEAM]: writeDocument(added(named('theirs', 1), named('gone', 1))),
    });
    const changed = await changeTeamFile(files, TEAM, {
      records: [named('ours', 2), { ...named('made up'), simulated: true }],
      forgotten: [{ key: conditionKey(named('gone')), atMs: 1 }],
    });
    assert.ok(changed.ok);
    assert.deepEqual(modelsOnDisk(files.text(TEAM)), ['ours', 'theirs']);
    assert.match(files.text(TEAM) ?? '', /"forgotten":\[\]/);
  });

  it('is ignored with its reason, and never overwritten, where it is broken', async () => {
    for (const text of ['', '{', '{"version":9,"records":[]}', '{"version":1,"records":{}}']) {
      const files = memoryFiles({ [TEAM]: text });
      const read = await readTeamFile(files, TEAM);
      assert.ok(!read.ok);
      assert.match(read.failure.detail, /^vram-calibration\.json is ignored: /);
      const changed = await changeTeamFile(files, TEAM, added(named('ours')));
      assert.equal(changed.ok, false);
      assert.equal(files.text(TEAM), text);
    }
  });

  it('may be missing', async () => {
    const files = memoryFiles();
    const read = await readTeamFile(files, TEAM);
    assert.deepEqual(read.ok && read.value, added());
  });
});
