// The window by keyboard alone, as functions over the page of Playwright: nothing here uses the mouse.
import { plannerFrame, plannerValue } from './page.mjs';
import { until } from './until.mjs';

const PATIENCE_MS = 60_000;
/** A palette that stays open lists a command within a second. */
const PALETTE_MS = 10_000;
const box = (page) => page.locator('.quick-input-widget input:is([type=text], [type=password])');

/**
 * Types what is missing and takes the row that the list then points at.
 * @param title of the picker, where another one closes just then
 */
export async function pickByKeys(
  { page },
  text,
  { typed = '', title = null, timeout = PATIENCE_MS } = {},
) {
  await box(page).waitFor({ timeout });
  if (title !== null)
    await page.locator('.quick-input-title', { hasText: title }).waitFor({ timeout });
  if (typed !== '') await page.keyboard.type(typed);
  const row = page.locator('.quick-input-list .monaco-list-row.focused', { hasText: text });
  await row.waitFor({ timeout });
  await page.keyboard.press('Enter');
}

/** Runs a command by its full title through the palette. */
export async function commandByKeys(hand, title) {
  // an editor that closes just then takes the focus, and the palette closes: it is opened once more
  for (let attempt = 1; ; attempt++) {
    try {
      await hand.page.keyboard.press('F1');
      return await pickByKeys(hand, title, { typed: title, timeout: PALETTE_MS });
    } catch (error) {
      if (attempt === 5) throw error;
      await hand.page.keyboard.press('Escape');
    }
  }
}

/** Presses a button of the open dialog. A terminal that comes back just then may have taken the focus: Tab gets it. */
export async function answerByKeys({ page }, label) {
  const focused = page.locator('.monaco-dialog-box .monaco-button:focus', { hasText: label });
  await until(async () => {
    if ((await focused.count()) > 0) return true;
    await page.keyboard.press('Tab');
    return false;
  }, `the focus on ${label}`);
  await page.keyboard.press('Enter');
}

/** What has the focus in the planner: its test id, else its kind and words; null: nothing in there. */
export async function focusInPlanner(hand) {
  const frame = await plannerFrame(hand);
  return frame.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body || !document.hasFocus()) return null;
    const words = (element.ariaLabel ?? element.textContent ?? '').trim().replaceAll(/\s+/g, ' ');
    return element.dataset.testid ?? `${element.localName} "${words.slice(0, 40)}"`;
  });
}

/** Presses Tab until the focus is there; the stops on the way, the wanted one last. */
export async function tabTo(hand, testId, { key = 'Tab', limit = 90 } = {}) {
  const stops = [];
  while (stops.at(-1) !== testId) {
    if (stops.length === limit)
      throw new Error(`${key} does not lead to ${testId}: ${stops.join(' → ')}`);
    await hand.page.keyboard.press(key);
    stops.push(await focusInPlanner(hand));
  }
  return stops;
}

/** Writes into the field that has the focus, in place of what it holds. */
export async function overwrite({ page }, text) {
  // not Ctrl+A: VS Code hears it as well
  for (const key of ['Home', 'Shift+End']) await page.keyboard.press(key);
  await page.keyboard.type(text);
}

export const valueBecomes = (hand, testId, wanted) =>
  until(
    async () => (await plannerValue(hand, testId)) === wanted,
    `"${wanted}" as the value of ${testId}`,
    PATIENCE_MS,
  );
