// What a person does with the window, as functions over the page. UI scripts call them as `ui.name(…)`, suites inside
// the extension host through `onPage` (test/ui/onPage.ts): arguments and answers are plain data.
import fs from 'node:fs';
import path from 'node:path';
import { until } from './until.mjs';

/** A loaded machine needs patience; a window that is idle answers within a second. */
const PATIENCE_MS = 60_000;
/** What closes or is drawn anew under the hand is given up after this, and tried again. */
const STEP_MS = 10_000;
/** How long a toast may take before it is looked for among the notifications that are hidden. */
const TOAST_MS = 1_000;

const rows = (page, container) => page.locator(`${container} .monaco-list-row`);

// ---- palette, pickers, dialogs ---------------------------------------------------------------------------------

/** Runs a command by its full title ("VRAM Pilot: Open Planner") through the palette. */
export async function runCommand({ page }, title) {
  const box = page.locator('.quick-input-widget input[type=text]');
  const row = rows(page, '.quick-input-list').filter({ hasText: title }).first();
  // an editor or terminal that opens just then takes the focus, and the palette closes: it is opened once more
  for (let attempt = 1; ; attempt++) {
    try {
      await page.keyboard.press('F1');
      await box.fill(`>${title}`, { timeout: STEP_MS });
      await row.click({ timeout: STEP_MS });
      break;
    } catch (error) {
      if (attempt === 5) throw error;
      await page.keyboard.press('Escape');
    }
  }
  // what is typed next is meant for what the command opens
  // a reload takes the box away
  const typed = () => box.inputValue({ timeout: 1_000 }).catch(() => '');
  const isOpen = async () => (await box.isVisible()) && (await typed()) === `>${title}`;
  await until(async () => !(await isOpen()), 'the end of the palette', PATIENCE_MS);
}

/** Rows of the open quick pick: its texts. */
export async function pickEntries({ page }) {
  const list = rows(page, '.quick-input-list');
  await list.first().waitFor({ timeout: PATIENCE_MS });
  return (await list.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim());
}

/** Chooses a row of the open quick pick by a part of its text. */
export async function pick({ page }, text) {
  const row = rows(page, '.quick-input-list').filter({ hasText: text }).first();
  await row.click({ timeout: PATIENCE_MS });
}

/** Fills the open input box and confirms it. */
export async function typeInBox({ page }, text) {
  const box = page.locator('.quick-input-widget input:is([type=text], [type=password])');
  await box.fill(text, { timeout: PATIENCE_MS });
  await box.press('Enter');
}

/** Types a path into VS Code's own folder dialog and confirms it by its button. */
export async function chooseFolder({ page }, folder, button) {
  const box = page.locator('.quick-input-widget input[type=text]');
  const accept = page.locator('.quick-input-widget .monaco-button', { hasText: button });
  await accept.waitFor({ timeout: PATIENCE_MS });
  let looks = 0;
  await until(async () => {
    // the dialog overwrites what was typed before it had listed its first folder
    if ((await box.inputValue()) !== `${folder}/`) {
      await box.fill(`${folder}/`);
      looks = 0;
    }
    if (++looks < 4) return false;
    await accept.click({ timeout: STEP_MS }).catch(() => undefined);
    return accept.waitFor({ state: 'hidden', timeout: 2_000 }).then(
      () => true,
      () => false,
    );
  }, `the choice of ${folder}`);
}

export async function press({ page }, ...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

/** Text of the open modal dialog. */
export async function dialogText({ page }) {
  const dialog = page.locator('.monaco-dialog-box');
  await dialog.waitFor({ timeout: PATIENCE_MS });
  return dialog.innerText();
}

export async function clickDialogButton({ page }, label) {
  const button = page.locator('.monaco-dialog-box .monaco-button', { hasText: label }).first();
  await button.click({ timeout: PATIENCE_MS });
}

// ---- notifications ---------------------------------------------------------------------------------------------

const notificationItems = (page) => page.locator('.notification-list-item:visible');

/** The bell hides a list that is open. */
async function showNotifications(page) {
  const centre = page.locator('.notifications-center');
  if (await centre.isVisible()) return;
  await page.locator('[id="status.notifications"] a').click({ timeout: PATIENCE_MS });
  await centre.waitFor({ timeout: PATIENCE_MS });
}

async function hideNotifications(page) {
  const hide = page.locator('.notifications-center .codicon-notifications-hide');
  if (await hide.isVisible()) await hide.click();
}

/** Texts of all notifications that were not dismissed. */
export async function notifications({ page }) {
  await showNotifications(page);
  const texts = await page.locator('.notification-list-item-message').allInnerTexts();
  await hideNotifications(page);
  return texts;
}

/** Waits for a notification that contains the text, clicks one of its buttons if one is named; its message. */
export async function notification({ page, showsToasts }, text, button = null) {
  const item = notificationItems(page).filter({ hasText: text }).first();
  if (showsToasts) await item.waitFor({ timeout: TOAST_MS }).catch(() => undefined);
  const message = await until(
    async () => {
      // a toast goes by itself, also from under the hand: then it is in the list
      if (!(await item.isVisible())) {
        await showNotifications(page);
        await item.waitFor({ timeout: STEP_MS });
      }
      const said = await item
        .locator('.notification-list-item-message')
        .innerText({ timeout: STEP_MS });
      if (button !== null)
        await item
          .locator('.monaco-button', { hasText: button })
          .first()
          .click({ timeout: STEP_MS });
      return said;
    },
    `a notification with "${text}"`,
    PATIENCE_MS,
    { tries: true },
  );
  await hideNotifications(page);
  return message;
}

// ---- status bar ------------------------------------------------------------------------------------------------

/** Every visible item: `{ id, text, label }`; label is what a screen reader says. */
export function statusBar({ page }) {
  return page.locator('.statusbar-item:visible').evaluateAll((items) =>
    items.map((item) => ({
      id: item.id,
      text: item.innerText.trim(),
      label:
        item.getAttribute('aria-label') ??
        item.querySelector('[aria-label]')?.getAttribute('aria-label') ??
        '',
    })),
  );
}

const gaugeLocator = (page) => page.locator('.statusbar-item[id*="vramPilot.gauge"]');

/** Waits for the gauge; with a text, until it contains it. */
export async function gauge({ page }, text = '', timeoutMs = PATIENCE_MS) {
  const item = gaugeLocator(page).filter({ hasText: text }).first();
  await item.waitFor({ timeout: timeoutMs });
  return item.evaluate((element) => ({
    text: element.innerText.trim(),
    label: element.querySelector('[aria-label]')?.getAttribute('aria-label') ?? '',
    classes: element.className,
  }));
}

export async function clickGauge({ page }) {
  await gaugeLocator(page).locator('a').first().click({ timeout: PATIENCE_MS });
}

/** Text of the hover over the gauge. */
export async function gaugeHover({ page }) {
  const hover = page.locator('.monaco-hover:visible').last();
  // one that is drawn anew just then is gone: the hand comes once more
  const text = await until(
    async () => {
      await page.mouse.move(640, 300);
      await gaugeLocator(page).locator('a').first().hover({ timeout: STEP_MS });
      return hover.innerText({ timeout: STEP_MS });
    },
    'the hover of the gauge',
    PATIENCE_MS,
    { tries: true },
  );
  await page.mouse.move(640, 300);
  return text;
}

// ---- side bar --------------------------------------------------------------------------------------------------

/** Opens our view container by its icon in the activity bar, unless it is open already. */
export async function openSideBar({ page }) {
  const icon = page.locator('.activitybar .action-item', {
    has: page.locator('[aria-label^="VRAM Pilot"]'),
  });
  await icon.first().waitFor({ timeout: PATIENCE_MS });
  const checked = await icon.first().evaluate((item) => item.classList.contains('checked'));
  if (!checked) await icon.first().click();
  await page
    .locator('.sidebar .composite.title', { hasText: /VRAM Pilot/i })
    .waitFor({ timeout: PATIENCE_MS });
}

/** The pane of one view ("Servers", "GPUs", "Profiles"), expanded. */
async function pane(page, view) {
  const found = page
    .locator('.sidebar .pane')
    .filter({ has: page.locator('.pane-header h3.title', { hasText: view }) })
    .first();
  await found.waitFor({ timeout: PATIENCE_MS });
  const header = found.locator('.pane-header');
  if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
  return found;
}

const rowText = (text) => text.replaceAll(/\s+/g, ' ').trim();

/** Rows of a view as `{ level, text, label, expanded }`, in order; text is label and description. Only what is drawn counts (long lists are cut). */
export async function treeRows({ page }, view) {
  const found = await pane(page, view);
  return found.locator('.monaco-list-row').evaluateAll((items) =>
    items.map((item) => ({
      level: Number(item.getAttribute('aria-level')),
      text: ['.label-name', '.label-description']
        .map((part) => item.querySelector(part)?.innerText.trim() ?? '')
        .filter((part) => part !== '')
        .join(' '),
      label: item.getAttribute('aria-label') ?? '',
      expanded: item.getAttribute('aria-expanded') === 'true',
    })),
  );
}

/** Waits for a row that contains the text; its label and description, run together as on the screen. */
export async function treeRow({ page }, view, text, timeoutMs = PATIENCE_MS) {
  const found = await pane(page, view);
  const row = found.locator('.monaco-list-row', { hasText: text }).first();
  await row.waitFor({ timeout: timeoutMs });
  return rowText(await row.innerText());
}

export async function clickTreeRow({ page }, view, text) {
  const found = await pane(page, view);
  await found
    .locator('.monaco-list-row', { hasText: text })
    .first()
    .click({ timeout: PATIENCE_MS });
}

/** Clicks an inline action of a row by the command's title. */
export async function treeAction({ page }, view, text, action) {
  const found = await pane(page, view);
  const row = found.locator('.monaco-list-row', { hasText: text }).first();
  // a row that is drawn anew under the hand has no actions until the hand moves
  await until(
    async () => {
      await row.hover({ timeout: STEP_MS });
      await row.locator(`.action-label[aria-label^="${action}"]`).first().click({ timeout: 3_000 });
      return true;
    },
    `${action} on ${text}`,
    PATIENCE_MS,
    { tries: true },
  );
}

/** Welcome text of an empty view. */
export async function welcomeText({ page }, view) {
  const found = await pane(page, view);
  const content = found.locator('.welcome-view-content');
  await content.waitFor({ timeout: PATIENCE_MS });
  return content.innerText();
}

/** Names in the list of extensions. */
export function extensionNames({ page }) {
  return page.locator('.extensions-list .extension-list-item .name').allInnerTexts();
}

// ---- planner page ----------------------------------------------------------------------------------------------

/** The planner's document: a webview holds it in a frame inside a frame. */
function planner(page) {
  return page
    .locator('iframe.webview.ready')
    .last()
    .contentFrame()
    .locator('iframe#active-frame')
    .contentFrame();
}

const control = (page, testId) => planner(page).locator(`[data-testid="${testId}"]`).first();

/** The planner's document as Playwright's frame, for a look inside it. */
export async function plannerFrame({ page }) {
  const body = await planner(page).locator('body').elementHandle({ timeout: PATIENCE_MS });
  return body.ownerFrame();
}

/** Waits until the planner is drawn. */
export async function plannerReady({ page }) {
  await control(page, 'deploy').waitFor({ timeout: PATIENCE_MS });
}

/** Text of a part, e.g. `verdict`, `command`, `warning`. */
export async function plannerText({ page }, testId) {
  const part = control(page, testId);
  await part.waitFor({ timeout: PATIENCE_MS });
  return rowText(await part.innerText());
}

/** Waits until a part contains a text (a regular expression's source with `pattern: true`). */
export function plannerSays({ page }, testId, wanted, { pattern = false, timeoutMs } = {}) {
  const matches = (text) => (pattern ? new RegExp(wanted).test(text) : text.includes(wanted));
  // rows of a list carry the same id, and a row that has nothing to say hides its part
  const shown = planner(page).locator(`[data-testid="${testId}"]:visible`).first();
  return until(
    async () => {
      const text = rowText(await shown.innerText({ timeout: 1000 }).catch(() => ''));
      return matches(text) ? text : null;
    },
    `"${wanted}" in ${testId}`,
    timeoutMs ?? PATIENCE_MS,
  );
}

/** How many of them there are, without waiting. */
export function plannerCount({ page }, testId) {
  return planner(page).locator(`[data-testid="${testId}"]`).count();
}

/** The value of an input, slider or drop-down. */
export async function plannerValue({ page }, testId) {
  const part = control(page, testId);
  await part.waitFor({ timeout: PATIENCE_MS });
  return part.evaluate((element) => String(element.value ?? element.textContent ?? ''));
}

export async function plannerAttribute({ page }, testId, name) {
  return control(page, testId).getAttribute(name, { timeout: PATIENCE_MS });
}

export async function plannerClick({ page }, testId) {
  await planner(page)
    .locator(`[data-testid="${testId}"]:visible`)
    .first()
    .click({ timeout: PATIENCE_MS });
}

/** Presses keys with the focus on a control; the value afterwards. */
export async function plannerPress(hand, testId, ...keys) {
  const part = control(hand.page, testId);
  await part.focus({ timeout: PATIENCE_MS });
  for (const key of keys) await part.press(key);
  return plannerValue(hand, testId);
}

/** Types into a text field (plain or of the toolkit) in place of what it holds; the focus stays there. */
export async function plannerType({ page }, testId, text) {
  const part = control(page, testId);
  await part.waitFor({ timeout: PATIENCE_MS });
  const isPlain = await part.evaluate((element) => 'selectionStart' in element);
  const box = isPlain ? part : part.locator('input');
  await box.click({ timeout: PATIENCE_MS });
  // not Ctrl+A: VS Code hears it as well and selects everything once more, in the middle of the typing
  await box.selectText();
  await (text === '' ? page.keyboard.press('Delete') : page.keyboard.type(text));
}

/** Types into a text field and leaves it, so that change events fire. */
export async function plannerFill(hand, testId, text) {
  await plannerType(hand, testId, text);
  await hand.page.keyboard.press('Tab');
}

/** Waits until a control holds a value; the page draws on the frame after a change. */
export function plannerHolds(hand, testId, wanted, timeoutMs = PATIENCE_MS) {
  return until(
    async () => (await plannerValue(hand, testId)) === wanted,
    `"${wanted}" as the value of ${testId}`,
    timeoutMs,
  );
}

/** Waits until an attribute of a control is this; null: not there. */
export function plannerMarks(hand, testId, name, wanted, timeoutMs = PATIENCE_MS) {
  return until(
    async () => (await plannerAttribute(hand, testId, name)) === wanted,
    `${name}="${wanted}" on ${testId}`,
    timeoutMs,
  );
}

/** Waits until the editor in front shows a text. */
export async function editorShows({ page }, text) {
  const lines = page.locator('.editor-instance .view-lines:visible').first();
  await until(
    async () => rowText(await lines.innerText({ timeout: 1000 }).catch(() => '')).includes(text),
    `"${text}" in the editor`,
  );
}

// ---- window ----------------------------------------------------------------------------------------------------

/** Reloads the window and waits until its workbench is back. Tests inside the host end with it. */
export async function reloadWindow({ page }) {
  const loaded = page.waitForEvent('load', { timeout: 2 * PATIENCE_MS });
  await Promise.all([loaded, runCommand({ page }, 'Developer: Reload Window')]);
  await page.locator('.monaco-workbench .statusbar-item').first().waitFor();
}

/** Quits VS Code and starts it again with the same profile; ready when its workbench is back. Page scripts only. */
export const restartVsCode = (hand) => hand.restart();

/** Saves a picture of the window as out/pictures/NAME.png; its path. */
export async function screenshot({ page }, name) {
  const file = path.resolve('out/pictures', `${name}.png`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file });
  return file;
}

/** Width and height of the window, to see how the planner looks when narrow. */
export async function resize({ page }, width, height) {
  await page.setViewportSize({ width, height });
}

export function clipboard({ page }) {
  return page.evaluate(() => navigator.clipboard.readText());
}
