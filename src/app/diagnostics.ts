/** Everything known, as one document to send along with a question, fit for strangers' eyes. */
import { redactDocument } from '../processes/redactDocument';
import type { OutputTail } from './servers/outputTails';
import type { RecentSample } from '../gpu/history';
import type { Settings } from './settings';
import type { AppState } from './state';

const LAST_LINES = 200;

export interface DiagnosticsInputs {
  readonly state: AppState;
  readonly settings: Settings;
  readonly version: string;
  readonly nowMs: number;
  readonly samples: readonly RecentSample[];
  readonly tailOf: (serverId: string) => OutputTail | null;
  readonly homeFolder: string;
}

export function diagnostics(inputs: DiagnosticsInputs): string {
  const { state, settings, samples, tailOf } = inputs;
  const document = {
    version: inputs.version,
    writtenAt: new Date(inputs.nowMs).toISOString(),
    settings,
    engines: state.engines,
    gpu: state.gpu,
    holders: state.holders,
    samples,
    servers: state.servers.map((server) => ({ ...server, output: lastLines(tailOf(server.id)) })),
    profiles: state.profiles,
    learned: state.learned,
  };
  const userNames = state.holders.flatMap(({ user }) => (user === null ? [] : [user]));
  const redacted = redactDocument(document, { homeFolder: inputs.homeFolder, userNames });
  return JSON.stringify(redacted, null, 2);
}

function lastLines(tail: OutputTail | null): { firstLine: number; lines: string[] } | null {
  if (!tail) return null;
  const lines = tail.lines.slice(-LAST_LINES);
  return { firstLine: tail.firstLine + tail.lines.length - lines.length, lines };
}
