// The way of the Tab key through the planner page.

/** Where the focus is and whether it can be seen. Runs in the page. */
function lookAtFocus() {
  let element = document.activeElement;
  if (element === null || element === document.body) return null;
  const host = element;
  while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const words = host.ariaLabel ?? host.textContent ?? '';
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const isOutside =
    left < -0.5 || right > innerWidth + 0.5 || top < -0.5 || bottom > innerHeight + 0.5;
  const x = Math.min(Math.max((left + right) / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max((top + bottom) / 2, 0), innerHeight - 1);
  const onTop = document.elementFromPoint(x, y);
  const isCovered = onTop !== null && !host.contains(onTop) && !onTop.contains(host);
  return {
    name:
      host.dataset.testid ??
      `${host.localName} "${words.trim().replaceAll(/\s+/g, ' ').slice(0, 40)}"`,
    hidden: isOutside ? 'out of sight' : isCovered ? 'covered' : null,
    box: { left, top, right, bottom },
    /** In the document, so that stops before and after a scroll compare. */
    top: top + scrollY,
  };
}

const MARGIN_PX = 8;

/** The look of the element that has the focus, with what surrounds it. */
async function picture(page, { left, top, right, bottom }) {
  const x = Math.max(0, left - MARGIN_PX);
  const y = Math.max(0, top - MARGIN_PX);
  const clip = { x, y, width: right + MARGIN_PX - x, height: bottom + MARGIN_PX - y };
  return (await page.screenshot({ clip })).toString('base64');
}

/**
 * Presses Tab from the top of the page until the focus leaves it.
 * @param looks also compares pictures with and without the focus
 * @returns the stops in order: `hidden` says why one can't be seen, null where it can; `marked` whether it looks different
 */
export async function focusStops(page, { looks = false, limit = 120 } = {}) {
  const stops = [];
  for (let count = 0; count < limit; count++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(lookAtFocus);
    if (stop === null) return stops;
    if (looks) {
      const focused = await picture(page, stop.box);
      // Tab goes on from there all the same
      await page.evaluate(() => document.activeElement?.blur());
      stop.marked = focused !== (await picture(page, stop.box));
    }
    stops.push(stop);
  }
  throw new Error(`the focus did not leave the page within ${limit} steps: ${stops.at(-1).name}`);
}
