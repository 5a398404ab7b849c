/** Causes that no line tells: the manner of the end does (judgeEnd.ts). */
import type { CauseText } from './logRules';
import { always, fix } from './remedies';

export const endTexts: Readonly<Record<string, CauseText>> = {
  engine_killed: {
    title: 'The engine process disappeared',
    remedy: always(
      "Look for the system's out-of-memory killer (dmesg), then start again with less host memory in use.",
      'It ended without a word, as after a SIGKILL; the server then shut itself down, even with exit code 0.',
    ),
  },
  server_killed: {
    title: 'The server was killed (SIGKILL)',
    remedy: always(
      'If nobody did it: look for the out-of-memory killer (dmesg), and for workers that still hold GPU memory (Clean Up Zombie Processes…).',
      'A killed server leaves its engine and workers behind.',
    ),
  },
  server_gone: {
    title: 'The server ended, and nobody here had asked it to',
    remedy: always(
      'If you ended it yourself, nothing is wrong; else look for the out-of-memory killer (dmesg).',
      'It ended without a word: it may have been killed, or asked to end from elsewhere.',
    ),
  },
  server_crashed: {
    title: 'The server crashed',
    remedy: always(
      'Start again; if it comes back, try --enforce-eager and look at dmesg.',
      'It ended by a fault (segmentation fault or abort), not by an error of its own.',
    ),
  },
  unknown: {
    title: 'Unknown cause',
    // The text is that of a line which only reports another one.
    remedy: ({ stage, text }) =>
      text === ''
        ? fix(
            'Read the first error above; the full output is in the log.',
            `No known cause matches. It happened at the stage "${stage}".`,
          )
        : fix(
            'Give the whole output: the error itself is not in this part.',
            'What is here only says that something failed before.',
          ),
  },
};
