/** Why a vLLM server failed: all rules and texts. A new cause is a row in one of the tables and a fixture. */
import type { CauseRule, CauseText } from '../logRules';
import { endTexts } from '../endTexts';
import { configurationRules, configurationTexts } from './causes/configuration';
import { environmentRules, environmentTexts } from './causes/environment';
import { kvCacheRules, kvCacheTexts } from './causes/kvCache';
import { modelRules, modelTexts } from './causes/model';
import { outOfMemoryRules, outOfMemoryTexts } from './causes/outOfMemory';

export const vllmCauses: readonly CauseRule[] = [
  {
    cause: 'engine_killed',
    // Whatever else was said is nearer to why.
    rank: 90,
    pattern:
      /engine core exited unexpectedly|Engine core proc \S+ died unexpectedly|Worker proc \S+ died unexpectedly/,
  },
  {
    // What a shell says of its job.
    cause: 'server_killed',
    rank: 90,
    pattern: /^(?:\S+: line \d+:\s*\d+ )?Killed(?:\s|$)/,
  },
  ...kvCacheRules,
  ...outOfMemoryRules,
  ...configurationRules,
  ...modelRules,
  ...environmentRules,
];

export const vllmCauseTexts: Readonly<Record<string, CauseText>> = {
  ...endTexts,
  ...kvCacheTexts,
  ...outOfMemoryTexts,
  ...configurationTexts,
  ...modelTexts,
  ...environmentTexts,
};
