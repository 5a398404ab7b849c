// axe-core over a document: the planner page in a bare browser, or the frame of it inside VS Code.
import axe from 'axe-core';

/** Worst first; a violation of the first two fails. */
const IMPACTS = ['critical', 'serious', 'moderate', 'minor'];

/**
 * Runs every rule of axe on a document of Playwright (a page or a frame).
 * The script is evaluated by the debugger and not put into the document, so the page's content policy stays as it is.
 * @returns `{ passed, counts, violations, unsure }`: rules that passed, violations per impact, what is wrong in words,
 *          and what axe could not decide
 */
export async function runAxe(document) {
  if (!(await document.evaluate(() => 'axe' in globalThis))) await document.evaluate(axe.source);
  const { passes, violations, incomplete } = await document.evaluate(() =>
    // preload: style sheets of other origins, of which there are none
    globalThis.axe.run({ resultTypes: ['violations', 'incomplete'], preload: false }),
  );
  return {
    passed: passes.length,
    counts: Object.fromEntries(
      IMPACTS.map((impact) => [impact, violations.filter((one) => one.impact === impact).length]),
    ),
    violations: violations.map(inWords),
    unsure: incomplete.map(inWords),
  };
}

const inWords = ({ id, impact, nodes }) => ({
  id,
  impact,
  nodes: nodes.map(({ target, failureSummary }) => ({
    target: target.flat().join(' >>> '),
    why: failureSummary?.replaceAll(/\s+/g, ' ') ?? '',
  })),
});

/** What fails a build: a line per rule, with the first of the elements. */
export const graveViolations = ({ violations }) =>
  violations
    .filter(({ impact }) => impact === 'critical' || impact === 'serious')
    .map(({ id, impact, nodes: [first, ...others] }) =>
      [
        `${impact} ${id}: ${first.target}`,
        others.length === 0 ? '' : ` and ${others.length} more`,
        `. ${first.why}`,
      ].join(''),
    );

/** Violations by impact, rules passed and rules axe could not decide, short enough for a table. */
export const tally = ({ counts, passed, unsure }) =>
  `${IMPACTS.map((impact) => counts[impact]).join('/')} ${passed} ok ${unsure.length}?`;
