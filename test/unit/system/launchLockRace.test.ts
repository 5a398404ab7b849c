import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inFull } from '../../support/effort';
import { programPath } from '../../support/programs';

const RACERS = inFull(8, 5);
const ROUNDS = 12;

function finished(args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [programPath('lockRacer'), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 25_000,
      killSignal: 'SIGKILL',
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code));
  });
}

describe('launch lock between real processes', function () {
  this.timeout(30_000);
  let folder: string;

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-lock-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it(`is held by one at a time among ${RACERS}, of which two are killed while they hold it`, async () => {
    const codes = await Promise.all(
      Array.from({ length: RACERS }, (_, at) =>
        finished([folder, String(ROUNDS), at < 2 ? String(3 + at) : '']),
      ),
    );
    assert.deepEqual(
      codes.map((code) => code === 0),
      codes.map((_, at) => at >= 2),
    );
    assert.equal(fs.existsSync(path.join(folder, 'clashes')), false);
    const turns = fs.readFileSync(path.join(folder, 'turns'), 'utf8').trim().split('\n');
    assert.equal(turns.length, (RACERS - 2) * ROUNDS + 4 + 5);
    // nothing of the locks piles up
    assert.ok(fs.readdirSync(path.join(folder, 'locks')).length <= 4);
  });
});
