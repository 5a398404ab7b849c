/** How it went, in the hover of the gauge: last of all suites, since a second minute has to begin before it shows. */
import assert from 'node:assert/strict';
import { hasPage, onPage } from '../../ui/onPage';
import { eventually } from '../eventually';
import { readyApi } from '../extensionApi';

describe('trends', () => {
  before(async function () {
    if (!hasPage) this.skip();
    await readyApi();
  });

  it('draws the last minutes in the hover of the gauge', async () => {
    let text = '';
    const isDrawn = async () => (text = await onPage.gaugeHover()).includes('Last 15 min');
    await eventually(isDrawn, 'a second minute', 100_000);
    assert.match(text, /[▁▂▃▄▅▆▇█]/);
  });
});
