/** From a start that came up, or did not, to the record that is kept of it. */
import type { Diagnosis, StartFacts } from '../engines/engine';
import { noFacts } from '../engines/startFacts';
import type { EngineId } from '../shared/planRequest';
import { lessonKind } from './causes';
import type { LaunchConditions, LearnedRecord } from './learnedRecord';

export interface SeenStart {
  readonly engine: EngineId;
  readonly engineVersion: string | null;
  readonly conditions: LaunchConditions;
  /** What its output told; null: nothing, or there is no output of it. */
  readonly facts: StartFacts | null;
  /** Runs, but partly on the CPU. */
  readonly isDegraded: boolean;
  /** Another process changed the memory of the card meanwhile: what was read off the card is not this start's alone. */
  readonly isDisturbed: boolean;
  /** Of its end; null while it runs. */
  readonly diagnosis: Pick<Diagnosis, 'result' | 'cause' | 'facts'> | null;
  readonly simulated: boolean;
}

/** What vLLM takes from the change of free memory during its start, or derives from it. */
const OFF_THE_CARD = {
  activationBytes: null,
  nonTorchBytes: null,
  kvCacheBytes: null,
  kvCacheTokens: null,
  maxConcurrency: null,
} as const;

/** null: it teaches nothing about this model on this card (no GPU, stopped by its user, or its cause lies elsewhere). */
export function lessonOf(start: SeenStart, atMs: number): LearnedRecord | null {
  const { engine, engineVersion, conditions, diagnosis, simulated } = start;
  const { model, gpu, options, otherFlags, prediction } = conditions;
  if (gpu === null || model.name === '') return null;
  const causeId = diagnosis?.cause?.id ?? null;
  if (diagnosis && (diagnosis.result !== 'failed' || causeId === null || !lessonKind(causeId)))
    return null;
  // others may have taken what it lacked
  if (start.isDisturbed && causeId !== null && lessonKind(causeId) === 'memory') return null;
  const told = diagnosis?.facts ?? start.facts ?? noFacts;
  const facts = start.isDisturbed ? { ...told, ...OFF_THE_CARD } : told;
  return {
    outcome: {
      engine,
      engineVersion,
      model: model.name,
      gpuName: gpu.name,
      options,
      result: diagnosis ? 'failed' : start.isDegraded ? 'degraded' : 'ready',
      causeId: diagnosis ? causeId : start.isDegraded ? 'partial_offload' : null,
      facts: { ...facts, freeBytesAtStart: facts.freeBytesAtStart ?? gpu.freeBytes },
    },
    fingerprint: model.fingerprint,
    gpuTotalBytes: gpu.totalBytes,
    otherFlags,
    prediction,
    atMs,
    simulated,
  };
}
