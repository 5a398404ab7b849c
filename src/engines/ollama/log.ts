/** Ollama's output: its own lines, Go's older format, journald and compose prefixes, and the bare lines of its runners. */
import { containerFraming } from '../framing';
import type { EngineLogReader } from '../logReader';
import type { LaunchSeen, LogGrammar } from '../logRules';
import { createEngineLogReader } from '../logReader';
import { ollamaCauses, ollamaCauseTexts } from './causes';
import { ollamaLines } from './patterns';

const framing = new RegExp(
  [
    containerFraming,
    '(?:\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d (?:\\S+\\.go:\\d+: )?(?:(?:DEBUG|INFO|WARN|ERROR) )?)?',
    '(?:time=\\S+ )?(?:level=\\S+ )?(?:source=\\S+(?: |$))?(?:go )?',
  ].join(''),
);
const message = /^msg=(?:"((?:[^"\\]|\\.)*)"|(\S+)) ?/;

/** `time=… level=… source=… msg="Load failed" model=x` → `Load failed model=x`. */
function cleanOllamaLine(line: string): string {
  return line
    .replace(framing, '')
    .replace(
      message,
      (_all, quoted: string | undefined, bare: string | undefined) =>
        `${(quoted ?? bare ?? '').replaceAll('\\"', '"')} `,
    )
    .trimEnd();
}

/** @param launch what is known of the launch beside its output. */
export function createOllamaLogReader(launch?: Partial<LaunchSeen>): EngineLogReader {
  return createEngineLogReader(grammar, launch);
}

const grammar: LogGrammar = {
  engine: 'ollama',
  clean: cleanOllamaLine,
  lines: ollamaLines,
  causes: ollamaCauses,
  texts: ollamaCauseTexts,
  errorKind: (text, raw) =>
    /^(?:Error: |panic: |Load failed )/.test(text) || /\blevel=ERROR\b/.test(raw) ? 'error' : null,
  livesOn: true,
};
