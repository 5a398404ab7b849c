// What a screen reader is told: a name for every control, the slider's value in all its units, and of the verdict only
// what it comes to rest on. And what the keyboard alone meets: a visible mark at every stop, in the order of the page.
import assert from 'node:assert/strict';
import { openPlanner, scenes } from '../support/pagePreview.mjs';
import { focusStops } from './focusStops.mjs';

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
    await page.waitForTimeout(100);
    assert.match(
      await slider.getAttribute('aria-valuetext'),
      /^0\.80, [\d.]+ GiB.*, (about )?[\d,]+ tokens, [\d.]+ requests at once$/,
    );
    await page.close();
  });

  await test('a drag is silent; the verdict it comes to rest on is spoken once', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    await page.waitForTimeout(800); // what it says of the first plan
    await listen(page);
    const slider = page.getByTestId('utilization');
    const verdict = () => page.getByTestId('verdict').getAttribute('data-verdict');
    assert.equal(await verdict(), 'fits');
    for (const key of ['Home', ...Array.from({ length: 9 }, () => 'ArrowRight'), 'Home', 'End'])
      await slider.press(key);
    assert.deepEqual(await heard(page), []);
    await page.waitForTimeout(900);
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
    await page.waitForTimeout(900);
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
