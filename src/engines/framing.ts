/**
 * What other programs put before each line of a server's output: compose its service, journald its names, a container's
 * log its time. One space after it, so that a traceback keeps its indentation.
 */
export const containerFraming = [
  '^(?:[a-z0-9][\\w.-]*\\s+\\|\\s)?',
  // journald and syslog; the month is in the machine's language
  '(?:(?:\\S+\\s+\\d{1,2} \\d\\d:\\d\\d:\\d\\d|\\d{4}-\\d\\d-\\d\\dT[\\d:.+-]+Z?) \\S+ [\\w.@-]+\\[\\d+\\]: )?',
  '(?:\\d{4}-\\d\\d-\\d\\d[T ][\\d:.,]+(?:Z|[+-]\\d\\d:?\\d\\d)?\\s(?:std(?:out|err)\\s+[FP]\\s)?)?',
].join('');
