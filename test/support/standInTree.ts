/**
 * STAND-IN for a vLLM server in tests: real processes (bash and sleep) with the titles, the tree and the groups of a
 * real one, and no engine inside. main → EngineCore → Worker, all in main's own session.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProcessTable } from '../../src/app/ports';
import type { LaunchRecord, ProcessInfo } from '../../src/processes/process';
import { identityOf } from '../../src/processes/tree';

export interface StandInTree {
  readonly main: ProcessInfo;
  readonly engine: ProcessInfo;
  readonly worker: ProcessInfo;
  readonly record: LaunchRecord;
  /** Ends whatever is left of it, by identity. */
  cleanUp(): Promise<void>;
}

/** `stubborn`: SIGINT and SIGTERM are ignored by all of them. Lives 60 s at most. */
export async function plantStandInTree(
  table: ProcessTable,
  options: { stubborn?: boolean; sharedMemoryFile?: string } = {},
): Promise<StandInTree> {
  const trap = options.stubborn === true ? `trap '' INT TERM; ` : '';
  const open =
    options.sharedMemoryFile === undefined ? '' : `exec 7<>${options.sharedMemoryFile}; `;
  const worker = `(exec -a VLLM::Worker_TP0 sleep 60) & wait`;
  const engine = `(exec -a VLLM::EngineCore bash -c '${worker.replaceAll("'", "'\\''")}') & wait`;
  const child = spawn('bash', ['-c', `${trap}${open}${engine}`], {
    detached: true,
    stdio: 'ignore',
  });
  child.unref();
  await once(child, 'spawn');
  const pid = child.pid!;
  const find = async (title: string): Promise<ProcessInfo> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const all = await table.all();
      const found = all.find(({ args, sid }) => sid === pid && args[0] === title);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${title} did not appear`);
  };
  const [engineProcess, workerProcess] = [
    await find('VLLM::EngineCore'),
    await find('VLLM::Worker_TP0'),
  ];
  const main = (await table.one(pid))!;
  return {
    main,
    engine: engineProcess,
    worker: workerProcess,
    record: {
      launchId: `stand-in-${pid}`,
      engine: 'vllm',
      main: identityOf(main),
      pgid: main.pgid,
      sid: main.sid,
      port: 18_000,
      seen: [],
    },
    cleanUp: async () => {
      for (const process of [main, engineProcess, workerProcess])
        await table.signal(identityOf(process), 'SIGKILL');
    },
  };
}
