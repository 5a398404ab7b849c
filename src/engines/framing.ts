/**
 * What other programs put before each line of a server's output: compose its service, a container's log its time. One
 * space after it, so that a traceback keeps its indentation.
 */
export const containerFraming = [
  '^(?:[a-z0-9][\\w.-]*\\s+\\|\\s)?',
  '(?:\\d{4}-\\d\\d-\\d\\d[T ][\\d:.,]+(?:Z|[+-]\\d\\d:?\\d\\d)?\\s(?:std(?:out|err)\\s+[FP]\\s)?)?',
].join('');
