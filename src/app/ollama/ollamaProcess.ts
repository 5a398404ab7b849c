/** The process of an Ollama daemon on this machine, and what its environment fixes for every model. */
import { runnerDifferences } from '../../engines/ollama/runner';
import { roleOf } from '../../processes/role';
import type { ProcessInfo } from '../../processes/process';
import { findAlive, indexTable, isAlive, type ProcessIndex } from '../../processes/tree';
import type { PlanOptions } from '../../shared/planRequest';
import type { AppContext } from '../appContext';
import type { Server } from '../state';

/** The process that answers for a server; null where that can't be proved. */
export async function daemonOf(
  { table }: AppContext,
  { record, port }: Pick<Server, 'record' | 'port'>,
  index: ProcessIndex,
): Promise<ProcessInfo | null> {
  if (record) return findAlive(index, record.main);
  for (const one of index.all) {
    if (!isAlive(one) || !one.sameNamespace || roleOf(one) !== 'ollamaServer') continue;
    if ((await table.listeningPorts(one.pid)).includes(port)) return one;
  }
  return null;
}

/** How the running daemon differs from a plan, before anything is loaded; empty where its environment can't be read. */
export async function daemonDifferences(
  context: AppContext,
  port: number,
  planned: PlanOptions,
): Promise<readonly string[]> {
  const { numParallel, kvCacheType, flashAttention } = planned;
  if (numParallel == null && kvCacheType == null && flashAttention == null) return [];
  const daemon = await daemonOf(
    context,
    { record: null, port },
    indexTable(await context.table.all()),
  );
  const { uid } = await context.table.self();
  // of others' processes only the list is theirs to see: unset and unreadable would look alike
  if (daemon?.uid !== uid) return [];
  const value = (name: string) => context.table.environmentValue(daemon.pid, name);
  const parallel = Number(await value('OLLAMA_NUM_PARALLEL'));
  const flash = await value('OLLAMA_FLASH_ATTENTION');
  return runnerDifferences(planned, {
    blob: null,
    options: {
      numParallel: parallel > 0 ? parallel : null,
      kvCacheType: (await value('OLLAMA_KV_CACHE_TYPE')) ?? 'f16',
      flashAttention: flash === null || flash === '' ? null : /^(?:1|t|true)$/i.test(flash),
    },
  });
}
