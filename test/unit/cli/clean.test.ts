import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { identityOf, isAlive } from '../../../src/processes/tree';
import { openLinuxProcessTable } from '../../../src/system/linuxProcessTable';
import { plantStandInTree, type StandInTree } from '../../support/standInTree';
import { removeScratch, runCli, scratch } from './runCli';

interface Answer {
  readonly holders: readonly {
    pid: number;
    class: string;
    canEnd: boolean;
    launchId?: string;
    goesWith?: number[];
  }[];
  readonly ended?: readonly number[];
  readonly freedBytes?: number | null;
}

const describeLinux = process.platform === 'linux' ? describe : describe.skip;

/** No GPU tool: what is found is found by the launch file that the extension wrote. */
describeLinux('clean with launches on record', function () {
  this.timeout(30_000);
  const table = process.platform === 'linux' ? openLinuxProcessTable() : null;
  let tree: StandInTree;
  let env: Record<string, string>;

  after(() => removeScratch());
  beforeEach(async () => {
    assert.ok(table);
    tree = await plantStandInTree(table);
    const storage = fs.mkdtempSync(path.join(scratch(), 'storage-'));
    const launches = path.join(storage, 'launches');
    fs.mkdirSync(launches);
    const launch = { version: 1, origin: 'started', record: tree.record };
    fs.writeFileSync(path.join(launches, 'a.json'), JSON.stringify(launch));
    env = { VRAM_PILOT_STORAGE: storage };
  });
  afterEach(() => tree.cleanUp());

  async function clean(...args: string[]): Promise<Answer> {
    const run = await runCli(['clean', '--json', ...args], { env });
    assert.equal(run.code, 0, run.stderr);
    return JSON.parse(run.stdout) as Answer;
  }

  async function killMain(): Promise<void> {
    assert.equal(await table?.signal(identityOf(tree.main), 'SIGKILL'), 'sent');
    while (await lives(tree.main.pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async function lives(pid: number): Promise<boolean> {
    const row = await table?.one(pid);
    return row !== undefined && row !== null && isAlive(row);
  }

  it('leaves a server that lives alone', async () => {
    assert.deepEqual((await clean('--yes')).holders, []);
    assert.ok(await lives(tree.engine.pid));
  });

  it('finds and ends what one left behind', async () => {
    await killMain();
    const pids = [tree.engine.pid, tree.worker.pid].sort((a, b) => a - b);
    const { holders } = await clean();
    assert.deepEqual(
      holders.map(({ pid, class: kind, canEnd, launchId }) => [pid, kind, canEnd, launchId]).sort(),
      pids.map((pid) => [pid, 'orphanedWorker', true, tree.record.launchId]),
    );
    assert.deepEqual(holders.find(({ pid }) => pid === tree.worker.pid)?.goesWith, [
      tree.engine.pid,
    ]);
    const guarded = await clean('--yes', '--protect', 'VLLM::');
    assert.deepEqual(guarded.ended, []);
    assert.ok(await lives(tree.worker.pid));
    const { ended, freedBytes } = await clean('--yes');
    assert.deepEqual(
      [...(ended ?? [])].sort((a, b) => a - b),
      pids,
    );
    assert.equal(freedBytes, null, 'no GPU tool could say');
    for (const pid of pids) assert.equal(await lives(pid), false);
  });
});
