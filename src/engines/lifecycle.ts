/** How a server lives: one table, phase × event → phase. What the log says never moves a phase; what the process and HTTP say does. */
import type { DiagnosisResult, EndReason, Phase } from './engine';

export type LifeEvent =
  | { readonly type: 'processStarted' }
  /** A line of the log; moves the stage within a phase, never the phase. */
  | { readonly type: 'stageChanged' }
  /** It answered over HTTP, and its process lives. */
  | { readonly type: 'healthOk' }
  | { readonly type: 'stopRequested' }
  | { readonly type: 'processEnded'; readonly result: DiagnosisResult | null }
  /** After a reload: neither process nor terminal is there, and nobody saw it end. */
  | { readonly type: 'notFound' };

export interface Life {
  readonly phase: Phase;
  readonly wasReady: boolean;
  readonly stopRequested: boolean;
  /** Only when ended. */
  readonly endReason: EndReason | null;
}

export const newLife: Life = {
  phase: 'starting',
  wasReady: false,
  stopRequested: false,
  endReason: null,
};

/** Absent: the event changes nothing in that phase. */
const table: Readonly<Record<Phase, Readonly<Partial<Record<LifeEvent['type'], Phase>>>>> = {
  starting: {
    healthOk: 'ready',
    stopRequested: 'stopping',
    processEnded: 'ended',
    notFound: 'lost',
  },
  ready: { stopRequested: 'stopping', processEnded: 'ended', notFound: 'lost' },
  // A last answer to a health request does not make it ready again; gone after a stop is what was wanted.
  stopping: { processEnded: 'ended', notFound: 'ended' },
  ended: { processStarted: 'starting' },
  lost: {
    processStarted: 'starting',
    healthOk: 'ready',
    stopRequested: 'stopping',
    processEnded: 'ended',
  },
};

/** The same object where the event means nothing in that phase. */
export function nextLife(life: Life, event: LifeEvent): Life {
  const phase = table[life.phase][event.type];
  if (phase === undefined) return life;
  if (phase === 'starting' && life.phase === 'ended') return newLife;
  const wasReady = life.wasReady || phase === 'ready';
  const stopRequested = life.stopRequested || event.type === 'stopRequested';
  const result = event.type === 'processEnded' ? event.result : null;
  return {
    phase,
    wasReady,
    stopRequested,
    endReason: phase === 'ended' ? endReasonOf(wasReady, stopRequested, result) : null,
  };
}

/** Stopped: asked to, by us or by somebody else. Else it failed before it was ready, or crashed after. */
function endReasonOf(
  wasReady: boolean,
  stopRequested: boolean,
  result: DiagnosisResult | null,
): EndReason {
  if (stopRequested || result === 'stopped') return 'stopped';
  return wasReady ? 'crashed' : 'failed';
}
