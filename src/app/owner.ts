/** Which window this is, and whether another one still lives: a window is known by its extension host. */
import type { ProcessIdentity } from '../processes/process';
import { identityOf, isAlive, isSame } from '../processes/tree';
import type { ProcessTable } from './ports';

/** null where processes can't be seen: there windows can't be told apart. */
export async function ownIdentity(table: ProcessTable): Promise<ProcessIdentity | null> {
  const [pid] = (await table.self()).protectedPids;
  const self = pid === undefined ? null : await table.one(pid);
  return self && identityOf(self);
}

/** The very process, not one that was given its number since. */
export async function isStillThere(
  table: Pick<ProcessTable, 'one'>,
  identity: ProcessIdentity,
): Promise<boolean> {
  const now = await table.one(identity.pid);
  return now !== null && isSame(now, identity) && isAlive(now);
}
