/** vLLM's output: framing of a line, and the reader. */
import { containerFraming } from '../framing';
import type { EngineLogReader } from '../logReader';
import type { LaunchSeen, LogGrammar } from '../logRules';
import { createEngineLogReader } from '../logReader';
import { vllmCauses, vllmCauseTexts } from './causes';
import { vllmLines } from './patterns';

/**
 * Before the message: what containers put there, marks of supervisors and of torchrun,
 * up to two process names (0.14 to 0.17 print both), level and time, source file.
 */
const framing = new RegExp(
  [
    containerFraming,
    '(?:ERROR \\| stderr \\| )?',
    '(?:\\[rank\\d+\\]:\\s?)?',
    '(?:\\([A-Za-z_][\\w =.-]* pid=\\d+(?:, ip=[\\d.]+)?\\) ?)*',
    '(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\\s+\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?\\s+)?',
    '(?:\\[?[\\w./-]+\\.py:\\d+\\] ?)?',
  ].join(''),
);

/** The message alone. */
const cleanVllmLine = (line: string): string => line.replace(framing, '').trimEnd();

const exceptionLine =
  /^\s*(?:[\w.]+\.)?(?:Exception|[A-Z]\w*(?:Error|Error_\w+|Exception|CompilerFailed|Unsupported|OutOfResources|Timeout|TimeoutExpired|IsEnabled))(?::\s|\s*$)/;
/** Wrappers around the real error, and noise of an end. */
const wrapper =
  /EngineDeadError|Engine core initialization failed|WorkerProc (?:failed|initialization failed)|EngineCore failed to start|validation errors? for|CancelledError|Executor failed|ProcessExitedException|BrokenPipeError|Engine process failed to start|Worker failed with error|workers failed$|RPCServer process died|: worker died$/;
const reason = /^\s*(?:Value error, |Assertion failed, |Input should be )|: error: /;

/** @param launch what is known of the launch beside its output. */
export function createVllmLogReader(launch?: Partial<LaunchSeen>): EngineLogReader {
  return createEngineLogReader(grammar, launch);
}

const grammar: LogGrammar = {
  engine: 'vllm',
  clean: cleanVllmLine,
  lines: vllmLines,
  causes: vllmCauses,
  texts: vllmCauseTexts,
  errorKind: (message) => {
    if (wrapper.test(message)) return 'wrapper';
    return exceptionLine.test(message) || reason.test(message) ? 'error' : null;
  },
  livesOn: false,
};
