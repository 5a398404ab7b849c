// npm run score: how near the planners come to recorded real starts, as tables and as out/score.json. Exits 1 where a goal
// is missed, 2 where the recorded data (VRAM_PILOT_DATA, else ../shared/data) is missing.
import fs from 'node:fs';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { main, must } from './processes.mjs';
import { setUp } from './setup.mjs';

const data = process.env.VRAM_PILOT_DATA ?? path.resolve(root, '..', 'shared', 'data');
const needed = ['vllm-startups.json', 'ollama-loads.json'];
/** Figures whose worst cases are shown; the rest is in the JSON. */
const WORST_OF = ['KV pool, config alone', 'activation', 'good starts called tight'];

async function measured() {
  const { build } = await import('esbuild');
  const outfile = path.join(out, 'score', 'score.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/score/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  const args = ['--enable-source-maps', outfile];
  return JSON.parse(await must(process.execPath, args, { cwd: root, capture: true }));
}

const percent = (share) => (share === null ? '' : `${(share * 100).toFixed(2)} %`);

/** Layers are counted, everything else is a share. */
const shown = (figure, value) => (figure.startsWith('layers') ? value.toFixed(2) : percent(value));

function goalText({ figure, goal }) {
  const parts = [
    goal.mean !== undefined && `mean ≤ ${shown(figure, goal.mean)}`,
    goal.worst !== undefined && `worst ≤ ${shown(figure, goal.worst)}`,
    goal.inRange !== undefined && `in range ≥ ${percent(goal.inRange)}`,
  ];
  return parts.filter(Boolean).join(', ') || 'none';
}

function table(head, rows) {
  const all = [head, head.map(() => '---'), ...rows];
  return all.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function report(score) {
  const figures = score.figures.map((one) => [
    one.figure,
    one.engine,
    one.cases,
    shown(one.figure, one.mean),
    shown(one.figure, one.worst),
    percent(one.shareInRange),
    percent(one.meanRangeWidth),
    goalText(one),
    one.ok ? 'yes' : 'NO',
  ]);
  const head = [
    'figure',
    'engine',
    'cases',
    'mean',
    'worst',
    'in range',
    'mean width',
    'goal',
    'ok',
  ];
  console.log(`${table(head, figures)}\n`);
  for (const by of ['families', 'versions']) {
    const rows = score[by]
      .filter((one) => WORST_OF.includes(one.figure))
      .map((one) => [one.figure, one.value, one.cases, percent(one.mean), percent(one.worst)]);
    console.log(`${table(['figure', by, 'cases', 'mean', 'worst'], rows)}\n`);
  }
  for (const figure of score.figures.map((one) => one.figure)) {
    if (!WORST_OF.includes(figure) && score.figures.find((one) => one.figure === figure).ok)
      continue;
    console.log(`Worst of "${figure}":`);
    for (const { id, version, error, range, why } of score.worst[figure] ?? [])
      console.log(
        `  ${id} (${version}) ${shown(figure, error)}${range?.holds === false ? ', out of range' : ''}: ${why}`,
      );
    console.log();
  }
}

main(async () => {
  const missing = needed.filter((name) => !fs.existsSync(path.join(data, name)));
  if (missing.length > 0) {
    console.error(
      `nothing to score against: ${missing.join(' and ')} not found in ${data} (set VRAM_PILOT_DATA)`,
    );
    process.exit(2);
  }
  await setUp();
  const score = await measured();
  fs.mkdirSync(out, { recursive: true });
  fs.writeFileSync(path.join(out, 'score.json'), `${JSON.stringify(score, null, 2)}\n`);
  report(score);
  console.log(`read ${score.read.startups} vLLM starts and ${score.read.loads} Ollama loads`);
  console.log(`written to ${path.relative(root, path.join(out, 'score.json'))}`);
  if (score.figures.some((one) => !one.ok)) process.exitCode = 1;
});
