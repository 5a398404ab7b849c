import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { settingsOf } from '../../../../src/planner/vllm/settings';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { readVersionFacts, type SettledDefaults } from '../../../support/versionFacts';

const facts = readVersionFacts();

/** What the planner expects where the release settled on `SettledDefaults`. */
function expectedDefaults(
  id: string,
  version: string,
): Omit<SettledDefaults, 'blockSize' | 'kvCacheDtype' | 'graphMode' | 'chunkedPrefill'> {
  const asked = facts.asked[id];
  const config = facts.models[asked?.model ?? ''];
  const card = facts.cards[asked?.card ?? ''];
  assert.ok(asked && config && card);
  const gpu = { name: card[0], totalBytes: Math.floor(card[1] * 2 ** 30) };
  const parsed = parsePlanRequest({
    engine: 'vllm',
    engineVersion: version,
    model: { config },
    gpus: [gpu, gpu],
    options: asked.options,
    environment: { usage: asked.usage === 'LLM_CLASS' ? 'library' : 'server' },
  });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
  const settings = settingsOf(parsed.value, readHfConfig(config));
  return {
    engine: settings.engine,
    maxNumSeqs: settings.maxNumSeqs,
    maxNumBatchedTokens: settings.maxNumBatchedTokens,
    asyncScheduling: settings.asyncScheduling,
    prefixCaching: settings.prefixCaching,
    utilization: settings.rules.defaultUtilization,
    captureSizes: settings.captureSizes,
    largestCapture: settings.largestCapture,
    maxModelLen: settings.maxModelLen,
  };
}

describe('defaults of vLLM releases', function () {
  this.timeout(60_000);

  it('are the ones that each release settles on itself', () => {
    let compared = 0;
    let refused = 0;
    const different: string[] = [];
    for (const { version, cases } of facts.releases)
      for (const [id, settled] of cases) {
        if ('error' in settled) {
          refused += 1;
          continue;
        }
        compared += 1;
        const expected = expectedDefaults(id, version);
        for (const [key, value] of Object.entries(expected)) {
          const real = settled[key as keyof SettledDefaults];
          if (value !== real)
            different.push(`${version} ${id}: ${key} is ${String(real)}, planned ${String(value)}`);
        }
      }
    console.log(
      `      ${String(facts.releases.length)} releases, ${String(compared)} launches compared, ${String(refused)} could not be asked`,
    );
    assert.deepEqual(different, []);
    assert.ok(facts.releases.length >= 6 && compared > 200);
  });
});
