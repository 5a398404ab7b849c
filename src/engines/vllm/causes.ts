/** Why a vLLM server failed: all rules and texts. A new cause is a row in one of the tables and a fixture. */
import type { CauseRule, CauseText } from '../logRules';
import { endTexts } from '../endTexts';
import { configurationRules, configurationTexts } from './causes/configuration';
import { environmentRules, environmentTexts } from './causes/environment';
import { installationRules, installationTexts } from './causes/installation';
import { kvCacheRules, kvCacheTexts } from './causes/kvCache';
import { machineRules, machineTexts } from './causes/machine';
import { modelRules, modelTexts } from './causes/model';
import { modelFileRules, modelFileTexts } from './causes/modelFiles';
import { outOfMemoryRules, outOfMemoryTexts } from './causes/outOfMemory';
import { refusedRules, refusedTexts } from './causes/refused';

export const vllmCauses: readonly CauseRule[] = [
  {
    cause: 'engine_killed',
    // Whatever else was said is nearer to why.
    rank: 90,
    isConsequence: true,
    pattern:
      /engine core exited unexpectedly|Engine core proc \S+ died unexpectedly|Worker proc \S+ died unexpectedly/,
  },
  {
    // What a shell says of its job.
    cause: 'server_killed',
    rank: 90,
    pattern: /^(?:\S+: line \d+:\s*\d+ )?Killed(?! actor)(?:\s|$)/,
  },
  ...kvCacheRules,
  ...outOfMemoryRules,
  ...configurationRules,
  ...modelRules,
  ...modelFileRules,
  ...environmentRules,
  ...machineRules,
  ...installationRules,
  ...refusedRules,
];

export const vllmCauseTexts: Readonly<Record<string, CauseText>> = {
  ...endTexts,
  ...kvCacheTexts,
  ...outOfMemoryTexts,
  ...configurationTexts,
  ...modelTexts,
  ...modelFileTexts,
  ...environmentTexts,
  ...machineTexts,
  ...installationTexts,
  ...refusedTexts,
};
