// axe-core on the page in every scene and theme: no violation that is serious or critical.
import assert from 'node:assert/strict';
import { openPlanner, scenes, themes, useTheme } from '../support/pagePreview.mjs';
import { graveViolations, runAxe, tally } from './pageAxe.mjs';

const openSections = (page) =>
  page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));

/** What is on the screen only after something was done. */
const steps = {
  comparison: async (page) => {
    await page.getByTestId('keep').click();
    await page.getByTestId('utilization').press('Home');
    await page.getByTestId('compare').waitFor();
  },
  advised: async (page) => {
    await page.getByTestId('utilization').press('End');
    await page.getByTestId('apply').first().click();
    await page.getByTestId('undo').waitFor();
  },
  complaint: async (page) => {
    await page.getByTestId('utilization-value').locator('input').fill('1.7');
    await page.locator('[aria-invalid=true]').first().waitFor();
  },
};

export default async ({ browser, test }) => {
  const table = {};
  const check = (name, snapshot, step) =>
    test(`${name}: no serious or critical violation in any theme`, async () => {
      // high enough for all of it: what lies under the launch bar has no colour axe could judge
      const { page, problems } = await openPlanner(browser, { snapshot, height: 4000 });
      await openSections(page);
      await step?.(page);
      const grave = [];
      const row = {};
      for (const theme of Object.keys(themes)) {
        await useTheme(page, theme);
        const result = await runAxe(page);
        row[theme] = tally(result);
        grave.push(...graveViolations(result).map((text) => `${theme}: ${text}`));
      }
      table[name] = row;
      await page.close();
      assert.deepEqual(grave, []);
      assert.deepEqual(problems, [], 'the content policy holds');
    });
  const all = [
    ...Object.entries(scenes),
    ...Object.entries(steps).map(([name, step]) => [name, scenes.ready, step]),
  ];
  // two at a time: axe keeps one core busy
  while (all.length > 0) await Promise.all(all.splice(0, 2).map((one) => check(...one)));
  if (Object.keys(table).length === 0) return;
  console.log('    critical/serious/moderate/minor, rules passed, rules axe could not decide');
  console.table(table);
};
