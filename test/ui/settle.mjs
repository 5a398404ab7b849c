/**
 * Until a page has drawn what it was told: on its own clock, so that whatever was due before is done, however busy the
 * machine is.
 * @param page a page or frame of Playwright
 */
export const settle = (page, ms = 100) =>
  page.evaluate(
    (wait) =>
      new Promise((drawn) => {
        setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), wait);
      }),
    ms,
  );
