/** Classes of processes that no launch record knows. */
import { describe, judgeOrphan } from './orphan';
import type { ProcessInfo } from './process';
import { adviceFor } from './programAdvice';
import { isEngineRole, roleOf } from './role';
import { handsOff, type Judgement, type Scene } from './scene';
import { ancestorsOf } from './tree';

/** A start in progress has moments in which its tree looks broken: younger unknown processes are not offered. */
const SETTLED_AGE_MS = 60_000;

/** Ordinary people's accounts on Linux; below are services, 65534 is nobody. */
const isPerson = (uid: number | null): boolean => uid !== null && uid >= 1000 && uid < 60_000;

/** The first class that fits; whatever is not surely an orphan of this user may not be ended. */
export function classifyForeign(process: ProcessInfo, scene: Scene): Judgement {
  const role = roleOf(process);
  if (role === 'display') return handsOff('display', `${process.comm} draws the screen`);
  // Windows tells nobody's user here: the look alone decides the words, and nothing is ended.
  const isToldApart = process.uid !== null || scene.self.uid !== null;
  if (isToldApart && (process.uid !== scene.self.uid || process.uid === null))
    return ofOtherUser(process, scene);
  const kernel = [process, ...ancestorsOf(scene.index, process)].find(
    (candidate) => roleOf(candidate) === 'notebook',
  );
  if (kernel === process) return handsOff('notebook', 'it is a notebook or debugger kernel');
  if (kernel)
    return handsOff(
      'notebook',
      `it was made by the notebook or debugger kernel ${describe(kernel)}`,
      `Restart the kernel ${describe(kernel)}: this process goes with it.`,
    );
  if (role === 'ray')
    return handsOff(
      'stranger',
      'it is a worker of Ray, which would start it again',
      'Stop it through Ray: cancel its job, or `ray stop`.',
    );
  const advice = adviceFor(process, scene.index) ?? undefined;
  if (!isEngineRole(role)) return handsOff('stranger', 'it was not started here', advice);
  if (role === 'spawned' && !ranWithVllm(process, scene))
    return handsOff(
      'stranger',
      'it is a helper of some Python program, not known to be an engine',
      advice,
    );
  const verdict = judgeOrphan(process, scene.index, scene.evidence.listening);
  if (!verdict.isOrphan)
    return handsOff(
      'stranger',
      `it was not started here; ${verdict.why}`,
      advice ??
        (verdict.owner ? `Stop ${describe(verdict.owner)}: this process goes with it.` : undefined),
    );
  const doubt = whyDoubt(process, scene);
  return {
    class: 'orphanedWorker',
    reason: doubt === null ? verdict.why : `${verdict.why}; ${doubt}`,
    mayEnd: doubt === null,
  };
}

/** Services run under accounts that nobody logs in to: who can restart those is an administrator. */
function ofOtherUser(process: ProcessInfo, scene: Scene): Judgement {
  const { user, uid } = process;
  const owner = user ?? (uid === null ? 'an unknown user' : `user ${uid}`);
  const isService = uid !== null && !isPerson(uid);
  return handsOff(
    'otherUser',
    `it belongs to ${owner}`,
    roleOf(process) === 'ollamaRunner'
      ? (adviceFor(process, scene.index) ?? undefined)
      : isService
        ? 'It runs as a service: have an administrator restart it.'
        : uid === null
          ? 'Ask an administrator.'
          : `Ask ${owner}, or an administrator.`,
  );
}

function ranWithVllm(process: ProcessInfo, { evidence }: Scene): boolean {
  return evidence.vllmPythons?.has(process.args[0] ?? '') === true;
}

/** Evidence a record would give and a stranger lacks; null: nothing is missing. */
function whyDoubt(process: ProcessInfo, { self, index, nowMs }: Scene): string | null {
  if (process.startedAtMs === null) return 'its age is not known';
  if (nowMs - process.startedAtMs < SETTLED_AGE_MS)
    return 'it is younger than a minute and may belong to a start in progress';
  // Root sees and can end everybody's: on a machine that people share that is not ours to decide.
  if (self.uid === 0 && !self.inContainer && index.all.some(({ uid }) => isPerson(uid)))
    return 'this is the root user of a machine that others use';
  return null;
}
