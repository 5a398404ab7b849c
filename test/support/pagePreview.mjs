#!/usr/bin/env node
/**
 * Opens the built planner page in headless Chromium, with a stand-in for VS Code's side of the glass (messages, state,
 * theme variables) and made-up snapshots. For looking at the page and for driving it from tests:
 *
 *   node test/support/pagePreview.mjs [--bundle dist] [--out out/preview] [--theme dark|light|contrast|contrastLight]…
 *        [--scene ready|failed|warning|tooLarge|first|ollama|two|noGpu|untrusted]… [--open SUMMARY]… [--width 1100] [--height 1200] [--zoom 1]
 *
 * writes one full-page picture per theme and scene. The content policy is the one the panel host sets.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const ORIGIN = 'https://page.invalid';
const GIB = 1024 ** 3;
/** Hash of an empty style: the toolkit's probe for `:focus-visible`, which the policy stops, and nothing else. */
const EMPTY_STYLE = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

/** What VS Code gives the page under each theme: read from a real window by test/ui/themes.ui.mjs. */
export const themes = JSON.parse(
  fs.readFileSync(new URL('./pageThemes.json', import.meta.url), 'utf8'),
);

/** A dense 8B model in 16 bit, as its config.json describes it. */
const model8b = {
  name: 'Qwen/Qwen3-8B',
  path: null,
  weightsBytes: 16_381_470_720,
  weightsAsStored: true,
  parameterCount: 8_190_735_360,
  config: {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    hidden_size: 4096,
    intermediate_size: 12288,
    num_hidden_layers: 36,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151936,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    max_position_embeddings: 40960,
  },
};

const card = (index, freeGib) => ({
  index,
  name: 'NVIDIA GeForce RTX 4090',
  totalBytes: Math.round(23.56 * GIB),
  freeBytes: Math.round(freeGib * GIB),
  usedBytes: Math.round((23.56 - freeGib) * GIB),
  memory: 'dedicated',
});

/** What the host says of a calm machine with one card; scenes change parts of it. */
export const sampleSnapshot = {
  type: 'snapshot',
  protocolVersion: 1,
  simulated: false,
  trusted: true,
  sampleAgeMs: 900,
  gpus: [card(0, 22.4)],
  holders: [{ pid: 2211, label: 'gnome-shell', usedBytes: 0.62 * GIB, gpus: [0] }],
  problems: [],
  models: [
    { id: 'Qwen/Qwen3-8B', label: 'Qwen3-8B', detail: '15.3 GiB', source: 'huggingFaceCache' },
    { id: 'Qwen/Qwen3-4B', label: 'Qwen3-4B', detail: '7.5 GiB', source: 'huggingFaceCache' },
    { id: 'qwen3:8b', label: 'qwen3:8b', detail: '4.9 GiB', source: 'ollama' },
  ],
  model: { id: 'Qwen/Qwen3-8B', facts: model8b, longestContext: 40960, problem: null },
  engines: {
    vllm: { found: true, version: '0.11.0' },
    ollama: { found: true, version: '0.12.6' },
  },
  launch: {
    vllmFile: 'vllm',
    ollamaFile: 'ollama',
    host: '127.0.0.1',
    port: 8000,
    ollamaPort: 11434,
    extraArguments: [],
    environment: {},
  },
  servers: [],
  defaults: { utilization: 0.7, headroomBytes: GIB / 2 },
  coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: GIB / 2 },
  learned: [],
  wish: {
    engine: 'vllm',
    model: 'Qwen/Qwen3-8B',
    options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192 },
    extraArguments: [],
    port: null,
  },
  wishRevision: 1,
};

const wish = (change, options = sampleSnapshot.wish.options) => ({
  ...sampleSnapshot.wish,
  ...change,
  options,
});

export const scenes = {
  /** One failed, and what is offered in its place; one runs with less than it could have. */
  failed: {
    ...sampleSnapshot,
    servers: [
      {
        id: 'f1',
        title: 'vLLM: Qwen3-8B',
        engine: 'vllm',
        phase: 'ended',
        detail: 'failed: Too little memory for the KV cache',
        usedBytes: null,
        failure: {
          cause: 'Too little memory for the KV cache',
          culprits: ['PID 4711 (python train.py) grew by 1.2 GiB while this was profiling memory.'],
          correction: {
            diff: ['--max-model-len 40960 → 24560', '+ --enforce-eager'],
            why: 'vLLM itself computed 24,571 tokens as the longest that fits; 24,560 is a whole number of blocks.',
            plan: 'Fits: 20.03 GiB of 23.56 GiB, 22.40 GiB free now',
          },
          reason: null,
        },
      },
      {
        id: 'f2',
        title: 'vLLM: Qwen3-4B',
        engine: 'vllm',
        phase: 'ready',
        detail: 'ready · :8001',
        usedBytes: 9.4 * GIB,
        plannedBytes: 9.1 * GIB,
        stepUp: {
          diff: ['− --enforce-eager'],
          why: 'With CUDA graphs: 10 to 20 % faster, 0.5 to 1 GB more.',
          plan: 'Fits: 18.85 GiB of 23.56 GiB, 14.20 GiB free now',
        },
      },
      {
        id: 'f3',
        title: 'vLLM: Qwen3-14B',
        engine: 'vllm',
        phase: 'ended',
        detail: 'failed: Out of GPU memory when loading the weights',
        usedBytes: null,
        failure: {
          cause: 'Out of GPU memory when loading the weights',
          culprits: [],
          correction: null,
          reason: '3 starts of this model failed here in a row.',
        },
      },
    ],
  },
  ready: {
    ...sampleSnapshot,
    servers: [
      {
        id: 'a1',
        title: 'Qwen3-4B',
        engine: 'vllm',
        phase: 'ready',
        detail: 'ready · :8001 · 12m',
        usedBytes: 9.4 * GIB,
        plannedBytes: 9.6 * GIB,
        kvUse: 0.12,
        pool: 'pool 9.8 GiB, 12 % used (peak 31 %): 6.1 GiB could be given back with --gpu-memory-utilization 0.62',
      },
      {
        id: 'b2',
        title: 'Qwen3-8B',
        engine: 'vllm',
        phase: 'starting',
        detail: 'loading weights 3/5',
        usedBytes: null,
      },
    ],
  },
  /** More than the top of the page has room for. */
  many: {
    ...sampleSnapshot,
    servers: Array.from({ length: 11 }, (_, place) => ({
      id: `m${place}`,
      title: `vLLM: Qwen3-${place + 1}B`,
      engine: 'vllm',
      phase: place < 3 ? 'ready' : 'ended',
      detail: place < 3 ? `ready · :80${place}0 · 12m` : 'stopped',
      usedBytes: place < 3 ? 6.2 * GIB : null,
      plannedBytes: 6 * GIB,
      kvUse: place < 3 ? place / 4 : null,
    })),
  },
  warning: {
    ...sampleSnapshot,
    gpus: [card(0, 17.88)],
    holders: [
      { pid: 353996, label: 'python3', usedBytes: 4.7 * GIB, gpus: [0] },
      { pid: 2211, label: 'gnome-shell', usedBytes: 0.62 * GIB, gpus: [0] },
    ],
    wish: wish({}, { gpuMemoryUtilization: 0.8, maxModelLen: 8192 }),
  },
  tooLarge: {
    ...sampleSnapshot,
    model: null,
    wish: wish({ model: 'Qwen/Qwen3-14B' }, { gpuMemoryUtilization: 0.9, maxModelLen: 8192 }),
  },
  first: { ...sampleSnapshot, model: null, wish: wish({ model: '' }), simulated: true },
  ollama: {
    ...sampleSnapshot,
    model: null,
    coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: GIB },
    wish: wish({ engine: 'ollama', model: 'qwen3:8b' }, { numCtx: 8192 }),
  },
  two: {
    ...sampleSnapshot,
    gpus: [card(0, 22.4), card(1, 19.1)],
    wish: wish({}, { gpuMemoryUtilization: 0.8, maxModelLen: 8192, tensorParallelSize: 2 }),
  },
  noGpu: { ...sampleSnapshot, gpus: [], holders: [], sampleAgeMs: null },
  untrusted: {
    ...sampleSnapshot,
    trusted: false,
    engines: { ...sampleSnapshot.engines, vllm: { found: false, version: null } },
    problems: ['nvidia-smi did not answer within 5 s'],
  },
};

function html(theme, bodyClass) {
  const policy = `default-src 'none'; style-src ${ORIGIN}; font-src ${ORIGIN}; script-src 'nonce-preview'`;
  return `<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${theme}.css" id="theme"><link rel="stylesheet" href="webview.css"><title>Planner</title></head>
<body class="${bodyClass}" data-vscode-theme-kind="${bodyClass.split(' ')[0]}"><div id="root"></div><script nonce="preview" src="webview.js"></script></body></html>`;
}

const themeCss = ({ variables }) =>
  `:root { ${Object.entries(variables)
    .map(([name, value]) => `--vscode-${name}: ${value};`)
    .join(' ')} }`;

/**
 * A page with the planner in it, after its first snapshot. What the page posts is in `window.sent`; `window.toPage(m)`
 * posts to it; problems of the page and of the content policy are in the returned `problems`.
 */
export async function openPlanner(browser, options = {}) {
  const {
    theme = 'dark',
    snapshot = sampleSnapshot,
    bundle = process.env.PAGE_BUNDLE ?? 'dist',
    state,
    bodyClass = '',
  } = options;
  const { width = 1100, height = 900, zoom = 1 } = options;
  const page = await browser.newPage({
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
  });
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes(EMPTY_STYLE)) {
      problems.push(message.text());
    }
  });
  const files = {
    '/': ['text/html', html(theme, `${themes[theme].class} ${bodyClass}`)],
    ...Object.fromEntries(
      Object.entries(themes).map(([id, one]) => [`/${id}.css`, ['text/css', themeCss(one)]]),
    ),
    '/webview.css': ['text/css', fs.readFileSync(path.join(bundle, 'webview.css'), 'utf8')],
    '/webview.js': ['text/javascript', fs.readFileSync(path.join(bundle, 'webview.js'), 'utf8')],
  };
  await page.route('**/*', (route) => {
    const [contentType, body] = files[new URL(route.request().url()).pathname] ?? [];
    return body === undefined
      ? route.fulfill({ status: 404 })
      : route.fulfill({ contentType, body });
  });
  await page.addInitScript((saved) => {
    window.sent = [];
    let kept = saved;
    window.toPage = (message) => window.postMessage(message, '*');
    window.acquireVsCodeApi = () => ({
      postMessage: (message) => window.sent.push(message),
      getState: () => kept,
      setState: (next) => {
        kept = next;
        window.keptState = next;
      },
    });
  }, state);
  await page.goto(`${ORIGIN}/`);
  if (snapshot !== null) {
    await page.evaluate((message) => window.toPage(message), snapshot);
    await page.getByTestId('engine').waitFor();
  }
  return { page, problems };
}

/** Changes the theme under an open page, as VS Code does. */
export async function useTheme(page, theme) {
  await page.evaluate(
    ([id, bodyClass]) =>
      new Promise((loaded) => {
        const sheet = document.getElementById('theme');
        const next = sheet.cloneNode();
        next.href = `${id}.css`;
        next.addEventListener('load', () => {
          sheet.remove();
          document.body.className = bodyClass;
          document.body.dataset.vscodeThemeKind = bodyClass.split(' ')[0];
          loaded();
        });
        sheet.after(next);
      }),
    [theme, themes[theme].class],
  );
  // the toolkit hears of it by the class, and hands the new colours to its own variables
  await page.waitForFunction(() => {
    const style = getComputedStyle(document.body);
    const [own, given] = ['--foreground', '--vscode-foreground'].map((name) =>
      style.getPropertyValue(name).trim(),
    );
    return own === given;
  });
}

export const launchChromium = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });

async function main() {
  const { values } = parseArgs({
    options: {
      bundle: { type: 'string', default: 'dist' },
      out: { type: 'string', default: 'out/preview' },
      theme: { type: 'string', multiple: true, default: Object.keys(themes) },
      scene: { type: 'string', multiple: true, default: Object.keys(scenes) },
      width: { type: 'string', default: '1100' },
      height: { type: 'string', default: '1200' },
      zoom: { type: 'string', default: '1' },
      open: { type: 'string', multiple: true, default: [] },
    },
  });
  fs.mkdirSync(values.out, { recursive: true });
  const browser = await launchChromium();
  let failed = false;
  try {
    for (const theme of values.theme) {
      for (const scene of values.scene) {
        const [width, height, zoom] = [values.width, values.height, values.zoom].map(Number);
        const { page, problems } = await openPlanner(browser, {
          theme,
          snapshot: scenes[scene],
          bundle: values.bundle,
          width,
          height,
          zoom,
        });
        for (const section of values.open) {
          await page.locator('details', { hasText: section }).first().locator('summary').click();
        }
        await page.waitForTimeout(200);
        const file = path.join(values.out, `${scene}-${theme}-${values.width}.png`);
        await page.screenshot({ path: file, fullPage: true });
        const told = await page.evaluate(() =>
          window.sent
            .filter((message) => message.type === 'problem')
            .map((message) => message.text),
        );
        console.log(file, [...problems, ...told].join('\n  ') || 'ok');
        failed ||= problems.length + told.length > 0;
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
  process.exit(failed ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
