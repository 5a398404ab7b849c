// What a screen reader is told: a name for every control, the slider's value in all its units, and of the verdict only
// what it comes to rest on. And what the keyboard alone meets: a visible mark at every stop, in the order of the page.
import assert from 'node:assert/strict';
import { openPlanner, scenes } from '../support/pagePreview.mjs';
import { focusStops } from './focusStops.mjs';
import { settle } from './settle.mjs';

const CONTROLS = ['button', 'slider', 'textbox', 'combobox', 'checkbox', 'option', 'meter'];

/** The accessibility tree of the browser: `{ role, name }` of everything that is not left out of it. */
async function spokenTree(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => ({ role: role?.value ?? '', name: name?.value ?? '' }));
}

/** Collects what live regions say from now on. */
const listen = (page) =>
  page.evaluate(() => {
    window.heard = [];
    for (const region of document.querySelectorAll('[aria-live], [role=status], [role=alert]'))
      new MutationObserver(() => window.heard.push(region.textContent)).observe(region, {
        childList: true,
        characterData: true,
        subtree: true,
      });
  });
/** In one go of the page itself: a busy machine makes no pause in it that the page would take for a rest. */
const drag = (page, shares) =>
  page.getByTestId('utilization').evaluate(async (slider, values) => {
    for (const value of values) {
      slider.value = String(value);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((next) => setTimeout(next, 20));
    }
  }, shares);
const heard = (page) => page.evaluate(() => window.heard.filter((text) => text.trim() !== ''));

export default async ({ browser, test }) => {
  for (const scene of ['failed', 'ollama']) {
    await test(`${scene}: every control has a name`, async () => {
      const { page } = await openPlanner(browser, { snapshot: scenes[scene] });
      await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
      const controls = (await spokenTree(page)).filter(({ role }) => CONTROLS.includes(role));
      await page.close();
      assert.ok(controls.length > 10);
      assert.deepEqual(
        controls.filter(({ name }) => name.trim() === ''),
        [],
      );
    });
  }

  await test('the slider speaks share, GiB and tokens', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    const slider = page.getByTestId('utilization');
    await slider.press('ArrowLeft');
    await settle(page);
    assert.match(
      await slider.getAttribute('aria-valuetext'),
      /^0\.80, [\d.]+ GiB.*, (about )?[\d,]+ tokens, [\d.]+ requests at once$/,
    );
    await page.close();
  });

  await test('a drag is silent; the verdict it comes to rest on is spoken once', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    await settle(page, 800); // what it says of the first plan
    await listen(page);
    const verdict = () => page.getByTestId('verdict').getAttribute('data-verdict');
    assert.equal(await verdict(), 'fits');
    await drag(page, [0.5, 0.6, 0.7, 0.8, 0.9, 0.5, 0.95]);
    assert.deepEqual(await heard(page), []);
    await settle(page, 900);
    assert.equal(await verdict(), 'doesNotFit');
    const said = await heard(page);
    assert.equal(said.length, 1, said.join(' | '));
    assert.match(said[0], /^Does not fit/);

    // another sample of the same figures, and another value with the same verdict
    await page.evaluate((message) => window.toPage(message), {
      ...scenes.ready,
      sampleAgeMs: 100,
      wishRevision: 1,
    });
    await settle(page, 900);
    assert.deepEqual(await heard(page), said);
    await page.close();
  });

  for (const theme of ['light', 'contrast']) {
    await test(`${theme}: every stop of the Tab key is marked, and follows the page`, async () => {
      const { page } = await openPlanner(browser, { snapshot: scenes.ready, theme, height: 2000 });
      const stops = await focusStops(page, { looks: true });
      await page.close();
      assert.deepEqual(
        stops.filter(({ marked }) => !marked).map(({ name }) => name),
        [],
      );
      const order = stops.map(({ name }) => name);
      const places = ['engine', 'model', 'utilization', 'context', 'deploy'].map((name) =>
        order.indexOf(name),
      );
      assert.ok(!places.includes(-1), order.join(', '));
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      assert.equal(order.at(-1), 'deploy');
    });
  }
};
