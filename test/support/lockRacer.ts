/**
 * One of several processes that race for the same lock, as a program: takes it ROUNDS times, and writes to a file how
 * many others it met inside. Some kill themselves while they hold it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { createLaunchLock } from '../../src/app/launching/launchLock';
import { ownIdentity } from '../../src/app/owner';
import { openClock } from '../../src/system/clock';
import { openFiles } from '../../src/system/files';
import { openProcessTable } from '../../src/system/processTable';

const [folder = '', rounds = '1', diesAt = ''] = process.argv.slice(2);
const quiet = () => undefined;

async function main(): Promise<void> {
  const [files, table, clock] = [openFiles(), openProcessTable(), openClock()];
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const isSettled = () => Promise.resolve(false);
  const lock = createLaunchLock(
    { files, table, clock, log, isSettled },
    path.join(folder, 'locks'),
  );
  const owner = await ownIdentity(table);
  if (!owner) throw new Error('processes cannot be seen here');
  for (let round = 0; round < Number(rounds); round++) {
    const launchId = `${String(process.pid)}-${String(round)}`;
    let taken = await lock.take({ launchId, title: launchId, gpus: [0, 1], owner });
    while (taken.ok && taken.value !== 'taken') {
      await clock.sleep(5);
      taken = await lock.take({ launchId, title: launchId, gpus: [0, 1], owner });
    }
    if (!taken.ok) throw new Error(taken.failure.detail);
    // exclusive creation by the system itself: fails if somebody else is inside
    const inside = path.join(folder, 'inside');
    try {
      fs.writeFileSync(inside, launchId, { flag: 'wx' });
    } catch {
      fs.appendFileSync(path.join(folder, 'clashes'), `${launchId}\n`);
    }
    fs.appendFileSync(path.join(folder, 'turns'), `${launchId}\n`);
    await clock.sleep(2);
    fs.rmSync(inside, { force: true });
    if (String(round) === diesAt) process.kill(process.pid, 'SIGKILL');
    await lock.release(launchId);
  }
}

void main();
