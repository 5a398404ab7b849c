// The planner page at work: what stays in its place while the slider moves, what is told to the host, what comes back.
import assert from 'node:assert/strict';
import { openPlanner, sampleSnapshot, scenes } from '../support/pagePreview.mjs';
import { settle } from './settle.mjs';

/** What a hand is on, and what it must find where it was. */
const HELD = [
  'engine',
  'model',
  'utilization',
  'utilization-value',
  'mark-largest',
  'context',
  'deploy',
];
/** Beside the form these stand still as well; below it they may give way. */
const BESIDE = ['verdict', 'memory-bar'];
const WIDTHS = { 1100: [...HELD, ...BESIDE], 640: HELD, 300: HELD };

const places = (page, names) =>
  page.evaluate(
    (ids) =>
      ids.map((id) => {
        const { x, y, height } = document
          .querySelector(`[data-testid="${id}"]`)
          .getBoundingClientRect();
        return `${id}: ${x}, ${y}, ${height} high`;
      }),
    names,
  );

/** As fast as a hand drags: the page draws once between two values. */
const drag = (page, value) =>
  page.getByTestId('utilization').evaluate(
    (slider, share) =>
      new Promise((drawn) => {
        slider.value = String(share);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        requestAnimationFrame(() => requestAnimationFrame(drawn));
      }),
    value,
  );

const sent = (page, type) =>
  page.evaluate((wanted) => window.sent.filter((message) => message.type === wanted), type);
const focused = (page) => page.evaluate(() => document.activeElement?.dataset.testid ?? null);

export default async ({ browser, test }) => {
  for (const [width, names] of Object.entries(WIDTHS)) {
    await test(`${width} px: nothing moves while the slider is dragged`, async () => {
      const seen = new Set();
      for (const scene of ['warning', 'ready', 'tooLarge', 'two']) {
        const { page } = await openPlanner(browser, {
          snapshot: scenes[scene],
          width: Number(width),
          height: 900,
        });
        const before = await places(page, names);
        for (let share = 0.5; share < 0.96; share += 0.05) {
          await drag(page, share.toFixed(2));
          seen.add(await page.getByTestId('verdict').getAttribute('data-verdict'));
          seen.add((await page.getByTestId('warning').count()) > 0);
          assert.deepEqual(await places(page, names), before, `${scene} at ${share.toFixed(2)}`);
        }
        await page.close();
      }
      // else the drag showed nothing that could push
      assert.ok(seen.has('fits') && seen.has('doesNotFit') && seen.has(true) && seen.has(false));
    });
  }

  await test('the order of the page: servers, wish, cost, deploy; Tab follows it', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.many, width: 300 });
    const tops = await page.evaluate(() =>
      ['gpu-0', 'servers', 'engine', 'verdict', 'command'].map(
        (id) => document.querySelector(`[data-testid="${id}"]`).getBoundingClientRect().top,
      ),
    );
    assert.deepEqual(
      tops,
      tops.toSorted((a, b) => a - b),
    );
    assert.equal(await page.getByTestId('more-servers-title').innerText(), 'and 7 more');
    await page.close();
    const { page: calm } = await openPlanner(browser, { snapshot: sampleSnapshot });
    assert.equal(await calm.getByTestId('servers').count(), 0, 'hidden while there is none');
    await calm.close();
  });

  await test('eleven servers leave the form on the first screen', async () => {
    const { page } = await openPlanner(browser, {
      snapshot: scenes.many,
      width: 1100,
      height: 900,
    });
    const { y } = await page.getByTestId('utilization').boundingBox();
    assert.ok(y < 600, `the slider begins at ${y}`);
    await page.close();
  });

  await test('a ready server is used from its row; one that failed offers its correction', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.failed });
    for (const target of ['copyEndpoint', 'copyCurl', 'sendTestPrompt', 'terminal'])
      await page.getByTestId(`${target}-f2`).click();
    await page.getByTestId('stop-f2').click();
    await page.getByTestId('start-corrected').first().click();
    await page.getByTestId('removeServer-f3').click();
    assert.equal(await page.getByTestId('copyEndpoint-f1').isVisible(), false);
    assert.deepEqual(
      (await sent(page, 'open')).map(({ target, serverId }) => `${target} ${serverId}`),
      [
        ...['copyEndpoint f2', 'copyCurl f2', 'sendTestPrompt f2', 'terminal f2'],
        'removeServer f3',
      ],
    );
    assert.deepEqual(await sent(page, 'stop'), [{ type: 'stop', serverId: 'f2' }]);
    assert.deepEqual(await sent(page, 'launchCorrected'), [
      { type: 'launchCorrected', serverId: 'f1' },
    ]);
    await page.close();
  });

  await test('an open list stays open, whatever the host says meanwhile', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    const engine = page.getByTestId('engine');
    await engine.click();
    await page.evaluate((snapshot) => {
      window.toPage({ type: 'focus', target: 'model' });
      window.toPage({ ...snapshot, sampleAgeMs: 10 });
    }, scenes.failed);
    await settle(page);
    assert.equal(await engine.getAttribute('open'), '');
    await engine.getByText('Ollama').click();
    await page.getByTestId('numParallel').waitFor();
    await page.evaluate(() => window.toPage({ type: 'focus', target: 'model' }));
    await settle(page);
    assert.equal(await focused(page), 'model', 'a closed one lets the focus go');
    await page.close();
  });

  await test('advice is taken back in order; the focus stays where one goes on', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.warning });
    const command = () => page.getByTestId('command').innerText();
    const apply = page.getByTestId('apply').first();
    const commands = [await command()];
    // the second one makes it tight only, so that there is more to advise
    for (const [count, offered] of [page.getByTestId('apply').nth(1), apply].entries()) {
      await offered.press('Enter');
      await settle(page);
      assert.equal(await focused(page), 'undo', `after ${count + 1}`);
      commands.push(await command());
    }
    assert.match(await page.getByTestId('applied').innerText(), /\(2 in a row\)/);
    assert.equal(new Set(commands).size, 3);
    await page.getByTestId('undo').press('Enter');
    await settle(page);
    assert.equal(await command(), commands[1]);
    assert.equal(await focused(page), 'undo');
    await page.getByTestId('undo').press('Enter');
    await settle(page);
    assert.equal(await command(), commands[0]);
    assert.equal(await focused(page), 'apply');
    assert.equal(await page.getByTestId('undo').isVisible(), false);
    await apply.press('Enter');
    await drag(page, '0.60');
    assert.equal(await page.getByTestId('undo').isVisible(), false, 'a change by hand ends it');
    await page.close();
  });

  await test('a kept wish is compared live, swapped, used, and kept over a reload', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    const table = page.getByTestId('compare');
    const row = async (label) =>
      (await table.locator('tr', { hasText: label }).first().innerText()).split('\t').slice(1);
    await page.getByTestId('keep').click();
    await drag(page, '0.90');
    assert.deepEqual(await row('utilization'), ['0.85', '0.90']);
    const [before, after] = (await row('Tokens')).map((text) => Number(text.replaceAll(',', '')));
    assert.ok(after > before, `${after} tokens after ${before}`);
    assert.equal(await table.locator('tr', { hasText: 'context' }).count(), 0, 'the same in both');
    const state = await page.evaluate(() => window.keptState);
    await page.close();

    const again = await openPlanner(browser, { snapshot: scenes.ready, state });
    const { page: next } = again;
    await next.getByTestId('compare').waitFor();
    await next.getByTestId('compare-swap').click();
    await settle(next);
    assert.equal(await next.getByTestId('utilization').inputValue(), '0.85');
    await next.getByTestId('compare-use').click();
    await settle(next);
    assert.equal(await next.getByTestId('utilization').inputValue(), '0.9');
    assert.equal(await next.getByTestId('compare').count(), 0);
    assert.equal(await focused(next), 'keep');
    assert.deepEqual(again.problems, []);
    await next.close();
  });

  await test('the report is asked for with the wish on the screen', async () => {
    const { page } = await openPlanner(browser, { snapshot: scenes.ready });
    await drag(page, '0.55');
    await page.getByTestId('report').click();
    const told = await page.evaluate(() => window.sent.slice(-2));
    assert.equal(told[0].wish.options.gpuMemoryUtilization, 0.55);
    assert.deepEqual(told[1], { type: 'open', target: 'report' });
    await page.close();
  });

  await test('leads to the setting that a note names', async () => {
    const { page } = await openPlanner(browser);
    assert.equal(await page.getByTestId('hub-setting').isVisible(), false);
    const notes = ['Only the name is known', 'Sizes need vramPilot.hub.allowRequests.'];
    const model = { ...sampleSnapshot.model, notes };
    await page.evaluate((message) => window.toPage(message), { ...sampleSnapshot, model });
    await page.getByTestId('hub-setting').click();
    const said = await page.getByTestId('model-facts').innerText();
    assert.match(said, /tokens\. Only the name is known\. Sizes need /);
    assert.equal((await sent(page, 'open')).at(-1).target, 'hubSetting');
    await page.close();
  });

  await test('says what others found with this model, where the share is chosen', async () => {
    const { wish } = sampleSnapshot;
    const snapshot = { ...sampleSnapshot, model: null, wish: { ...wish, model: 'Qwen/Qwen3-4B' } };
    const { page } = await openPlanner(browser, { snapshot });
    assert.match(
      await page.getByTestId('known').innerText(),
      /^Known result: Qwen 3 4B on a 16 GB/,
    );
    await page.evaluate((message) => window.toPage(message), sampleSnapshot);
    await page.getByTestId('model').locator('input').fill('Qwen/Qwen3-8B');
    await settle(page);
    assert.equal(await page.getByTestId('known').isVisible(), false, 'its own facts are better');
    await page.close();
  });

  await test('keeps Ollama’s share out of every mark, and says so', async () => {
    const { coexistence } = sampleSnapshot;
    const share = async (page) =>
      Number(await page.getByTestId('mark-largest').locator('.mark-share').innerText());
    const { page: alone } = await openPlanner(browser, { snapshot: sampleSnapshot });
    const most = await share(alone);
    assert.equal(await alone.getByTestId('kept-for-ollama').isVisible(), false);
    await alone.close();
    const snapshot = {
      ...sampleSnapshot,
      coexistence: {
        ...coexistence,
        ollamaReservationBytes: 4 * 1024 ** 3,
        ollamaReason: 'as set',
      },
    };
    const { page } = await openPlanner(browser, { snapshot });
    const less = await share(page);
    assert.ok(Math.abs(most - less - 4 / 23.56) < 0.02, `${less} after ${most}`);
    const said = await page.getByTestId('kept-for-ollama').innerText();
    assert.match(said, /^4\.0 GiB are kept for Ollama \(as set\)/);
    await page.close();
  });

  await test('says which value the extra arguments overrule', async () => {
    const { wish, launch } = sampleSnapshot;
    const snapshot = {
      ...sampleSnapshot,
      launch: { ...launch, extraArguments: ['--max-model-len', '4096'] },
      wish: { ...wish, extraArguments: ['--gpu-memory-utilization=0.92'] },
    };
    const { page } = await openPlanner(browser, { snapshot });
    await page.getByText('extra arguments say 0.92').waitFor();
    await page.getByText('extra arguments say 4,096').waitFor();
    assert.match(await page.getByTestId('summary').innerText(), /0\.92 · 4,096 tokens/);
    await page.close();
  });

  await test('offers no change that the settings’ arguments overrule, and says why', async () => {
    const { launch, gpus } = sampleSnapshot;
    const full = gpus.map((gpu) => ({ ...gpu, freeBytes: 19.5 * 1024 ** 3 }));
    const open = async (extraArguments) => {
      const snapshot = { ...sampleSnapshot, gpus: full, launch: { ...launch, extraArguments } };
      const { page } = await openPlanner(browser, { snapshot });
      const count = async (id) => page.getByTestId(id).filter({ visible: true }).count();
      const shown = { use: await count('use-share'), fixed: await count('fixed') };
      await page.close();
      return shown;
    };
    assert.deepEqual(await open([]), { use: 1, fixed: 0 });
    const held = await open(['--gpu-memory-utilization', '0.85']);
    assert.equal(held.use, 0);
    assert.ok(held.fixed > 0);
  });

  await test('a share that is too large only for Ollama’s part is not said to be refused', async () => {
    const coexistence = { ...sampleSnapshot.coexistence, ollamaReservationBytes: 4 * 1024 ** 3 };
    const { page } = await openPlanner(browser, { snapshot: { ...sampleSnapshot, coexistence } });
    const said = await page.getByTestId('warning').innerText();
    assert.match(said, /Takes memory that is kept for Ollama/);
    assert.match(said, /beside 4\.00 GiB kept for Ollama/);
    assert.doesNotMatch(said, /refuses/);
    assert.match(await page.getByTestId('verdict').innerText(), /It would start, but takes/);
    await page.close();
  });

  await test('Ollama’s own controls change the plan, the daemon’s words and the load', async () => {
    const { page, problems } = await openPlanner(browser, { snapshot: scenes.ollama });
    const command = () => page.getByTestId('command').innerText();
    const load = async () =>
      JSON.parse((await page.getByTestId('command-load').innerText()).match(/{.*}/)[0]);
    const type = async (field, text) => {
      await page.getByTestId(field).locator('input').fill(text);
      await settle(page);
    };
    const pick = async (field, label) => {
      await page.getByTestId(field).click();
      await page.getByTestId(field).getByRole('option', { name: label, exact: true }).click();
      await settle(page);
    };
    await type('numParallel', '2');
    assert.match(await command(), /OLLAMA_NUM_PARALLEL=2/);
    await page.getByText('16,384 tokens in all').waitFor();
    const pool = () =>
      page
        .locator('.field', { has: page.getByTestId('kvCacheType') })
        .locator('.help')
        .innerText();
    const before = await pool();
    await pick('kvCacheType', 'q8_0');
    await pick('flashAttention', 'on');
    assert.match(await command(), /OLLAMA_FLASH_ATTENTION=1/);
    assert.match(await command(), /OLLAMA_KV_CACHE_TYPE=q8_0/);
    assert.ok(parseFloat(await pool()) < parseFloat(before), `${await pool()} after ${before}`);
    await type('numGpu', '10');
    await page.getByText(/^10 of \d+ on the GPU$/).waitFor();
    assert.equal((await load()).options.num_gpu, 10);
    assert.match(await page.getByTestId('verdict').innerText(), /Only 10 of/);
    await pick('keepAlive', '5 min idle');
    assert.equal((await load()).keep_alive, 300);
    await type('context-value', '4k');
    assert.equal((await load()).options.num_ctx, 4096);
    await page.getByText('8,192 tokens in all').waitFor();
    assert.deepEqual(problems, []);
    await page.close();
  });
};
