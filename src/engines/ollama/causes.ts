/** Why an Ollama server or load failed, or runs worse than asked: all rules and texts. */
import type { CauseRule, CauseText } from '../logRules';
import { endTexts } from '../endTexts';
import { daemonRules, daemonTexts } from './causes/daemon';
import { loadRules, loadTexts } from './causes/load';
import { pullRules, pullTexts } from './causes/pull';
import { runnerRules, runnerTexts } from './causes/runner';

export const ollamaCauses: readonly CauseRule[] = [
  ...daemonRules,
  ...loadRules,
  ...pullRules,
  ...runnerRules,
];

export const ollamaCauseTexts: Readonly<Record<string, CauseText>> = {
  ...endTexts,
  ...daemonTexts,
  ...loadTexts,
  ...pullTexts,
  ...runnerTexts,
};
