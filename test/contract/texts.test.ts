import assert from 'node:assert/strict';
import { texts, written } from '../support/manifest';

const sorted = (names: Iterable<string>) => [...names].sort();

describe('texts of the manifest', () => {
  it('keeps every text in package.nls.json, and no other', () => {
    const keys = [...written.matchAll(/"%([^%\s"]+)%"/g)].map((match) => match[1] ?? '');
    assert.ok(keys.length > 80);
    assert.deepEqual(sorted(new Set(keys)), sorted(Object.keys(texts)));
    const plain = written.matchAll(
      /"(?:title|contents|name|description|markdownDescription|altText|patternErrorMessage)": "([^%].*)"/g,
    );
    const allowed = new Set(['VRAM Pilot', 'vram-pilot']);
    assert.deepEqual(
      [...plain].map((match) => match[1] ?? '').filter((found) => !allowed.has(found)),
      [],
    );
  });
});
