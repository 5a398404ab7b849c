// Small and enlarged: nothing is cut off, nothing scrolls sideways, what has the focus is in sight, and nothing moves for
// whoever asked for that.
import assert from 'node:assert/strict';
import { openPlanner, scenes, themes } from '../support/pagePreview.mjs';
import { focusStops } from './focusStops.mjs';

const SIZES = {
  '1100 px wide': { width: 1100, height: 800 },
  '300 px wide': { width: 300, height: 800 },
  'a window of 1280 × 800 at 200 %': { width: 640, height: 400 },
  '300 px wide and low': { width: 300, height: 450 },
};
/** With the most controls of each engine; a way through all scenes would take minutes. */
const WALKED = ['failed', 'ollama'];

/** Everything that shows text and is not wholly in sight, or is cut by its own box; and what scrolls sideways. */
function cutOff() {
  const faults = [];
  const nameOf = (element) =>
    `${element.localName}.${[...element.classList].join('.')} "${element.textContent.trim().slice(0, 40)}"`;
  const visit = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot) visit(element.shadowRoot);
      if (element.closest('.spoken, pre, script, style') || !element.checkVisibility()) continue;
      const { overflowX } = getComputedStyle(element);
      const isCut = overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
      if (isCut && element.textContent.trim() !== '' && !element.closest('[title]'))
        faults.push(`cut: ${nameOf(element)}`);
      const hasText = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '',
      );
      if (!hasText && element.localName !== 'input') continue;
      const { left, right } = element.getBoundingClientRect();
      if (left < -0.5 || right > innerWidth + 0.5)
        faults.push(`beyond the edge: ${nameOf(element)} ${left} to ${right}`);
    }
  };
  visit(document);
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth)
    faults.push(`the page is ${scrollWidth} px wide in ${clientWidth}`);
  return faults;
}

const openSections = (page) =>
  page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));

export default async ({ browser, test }) => {
  for (const [scene, snapshot] of Object.entries(scenes)) {
    await test(`${scene}: nothing cut off, no sideways scroll`, async () => {
      const { page } = await openPlanner(browser, { snapshot });
      await openSections(page);
      const faults = [];
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        faults.push(...(await page.evaluate(cutOff)).map((fault) => `${size}: ${fault}`));
      }
      await page.close();
      assert.deepEqual(faults, []);
    });
  }

  for (const scene of WALKED) {
    await test(`${scene}: what has the focus is in sight, Deploy too`, async () => {
      const { page } = await openPlanner(browser, {
        snapshot: scenes[scene],
        ...SIZES['300 px wide'],
      });
      await openSections(page);
      const stops = await focusStops(page);
      await page.close();
      assert.deepEqual(
        stops
          .filter(({ hidden }) => hidden !== null)
          .map(({ name, hidden }) => `${name} ${hidden}`),
        [],
      );
      assert.equal(stops.at(-1).name, 'deploy');
    });
  }

  for (const theme of Object.keys(themes)) {
    await test(`${theme}: every part of the bar has a fill of its own, in system colours too`, async () => {
      const { page } = await openPlanner(browser, { snapshot: scenes.ready, theme });
      const fills = () =>
        page.locator('.legend .swatch').evaluateAll((all) =>
          all.map((swatch) => {
            const { backgroundColor, backgroundImage } = getComputedStyle(swatch);
            return `${backgroundColor} ${backgroundImage}`;
          }),
        );
      for (const forcedColors of ['none', 'active']) {
        await page.emulateMedia({ forcedColors });
        const found = await fills();
        assert.ok(found.length >= 6);
        assert.equal(new Set(found).size, found.length, found.join('\n'));
        assert.ok(!found.includes('rgba(0, 0, 0, 0) none'), found.join('\n'));
        // without the theme's colours patterns remain: no two of the large parts are plain
        assert.ok(found.filter((fill) => fill.endsWith(' none')).length <= 2, found.join('\n'));
      }
      await page.close();
    });
  }

  for (const [how, options] of Object.entries({
    'the system': { reducedMotion: 'reduce' },
    'VS Code': { bodyClass: 'vscode-reduce-motion' },
  })) {
    await test(`nothing moves where ${how} asks for reduced motion`, async () => {
      const { page } = await openPlanner(browser, { snapshot: scenes.ready, ...options });
      if (options.reducedMotion) await page.emulateMedia({ reducedMotion: options.reducedMotion });
      const moving = await page.evaluate(() =>
        [...document.querySelectorAll('*')]
          .filter((element) => {
            const { transitionDuration, animationName } = getComputedStyle(element);
            return !/^(0s(, )?)+$/.test(transitionDuration) || animationName !== 'none';
          })
          .map((element) => `${element.localName}.${element.className}`),
      );
      assert.deepEqual(moving, []);
      await page.close();
    });
  }
};
