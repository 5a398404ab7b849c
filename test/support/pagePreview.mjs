#!/usr/bin/env node
/**
 * Opens the built planner page in headless Chromium, with a stand-in for VS Code's side of the glass (messages, state,
 * theme variables) and made-up snapshots. For looking at the page and for driving it from tests:
 *
 *   node test/support/pagePreview.mjs [--bundle dist] [--out out/preview] [--theme dark|light|contrast]…
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

/** The variables of VS Code's Dark Modern, Light 2026 and High Contrast themes that the page uses. */
const shared = {
  'font-family': '"Segoe WPC", "Segoe UI", Ubuntu, "DejaVu Sans", sans-serif',
  'font-size': '13px',
  'editor-font-family': '"DejaVu Sans Mono", monospace',
  'editor-font-size': '12px',
};
const themes = {
  dark: {
    class: 'vscode-dark',
    foreground: '#cccccc',
    'editor-background': '#1f1f1f',
    descriptionForeground: '#9d9d9d',
    errorForeground: '#f85149',
    'panel-border': '#2b2b2b',
    'widget-border': '#313131',
    focusBorder: '#0078d4',
    'button-background': '#0078d4',
    'button-foreground': '#ffffff',
    'button-hoverBackground': '#026ec1',
    'button-secondaryBackground': '#313131',
    'button-secondaryForeground': '#cccccc',
    'button-secondaryHoverBackground': '#3c3c3c',
    'button-border': '#ffffff12',
    'input-background': '#313131',
    'input-foreground': '#cccccc',
    'input-border': '#3c3c3c',
    'input-placeholderForeground': '#989898',
    'inputOption-activeBackground': '#2489db82',
    'inputOption-activeBorder': '#2488db',
    'inputOption-activeForeground': '#ffffff',
    'inputValidation-warningBackground': '#352a05',
    'inputValidation-warningBorder': '#b89500',
    'inputValidation-errorBorder': '#be1100',
    'dropdown-background': '#313131',
    'dropdown-foreground': '#cccccc',
    'dropdown-border': '#3c3c3c',
    'textLink-foreground': '#4daafc',
    'textLink-activeForeground': '#4daafc',
    'textCodeBlock-background': '#2b2b2b',
    'list-hoverBackground': '#2a2d2e',
    'checkbox-background': '#313131',
    'checkbox-border': '#3c3c3c',
    'list-activeSelectionBackground': '#04395e',
    'list-activeSelectionForeground': '#ffffff',
    'badge-background': '#616161',
    'badge-foreground': '#f8f8f8',
    'editorWarning-foreground': '#cca700',
    'testing-iconPassed': '#73c991',
    'charts-blue': '#3794ff',
    'charts-green': '#89d185',
    'charts-orange': '#d18616',
    'charts-purple': '#b180d7',
    'charts-yellow': '#cca700',
    'charts-red': '#f14c4c',
  },
  light: {
    class: 'vscode-light',
    foreground: '#202020',
    'editor-background': '#ffffff',
    descriptionForeground: '#606060',
    errorForeground: '#ad0707',
    'panel-border': '#f0f1f2',
    'widget-border': '#e2e2e5',
    focusBorder: '#0069cc',
    'button-background': '#0069cc',
    'button-foreground': '#ffffff',
    'button-hoverBackground': '#0063c1',
    'button-border': '#0069cc',
    'button-secondaryBackground': '#eaeaea',
    'button-secondaryForeground': '#202020',
    'button-secondaryHoverBackground': '#f2f3f4',
    'button-secondaryBorder': '#eaeaea',
    'input-background': '#ffffff',
    'input-foreground': '#202020',
    'input-border': '#d8d8d866',
    'input-placeholderForeground': '#999999',
    'inputOption-activeBackground': '#d6d6d6',
    'inputOption-activeBorder': '#f0f1f2',
    'inputOption-activeForeground': '#202020',
    'inputValidation-warningBackground': '#fdf6e3',
    'inputValidation-warningForeground': '#202020',
    'inputValidation-warningBorder': '#b69500',
    'inputValidation-errorBorder': '#ad0707',
    'dropdown-background': '#ffffff',
    'dropdown-foreground': '#202020',
    'dropdown-border': '#d8d8d8',
    'textLink-foreground': '#0069cc',
    'textLink-activeForeground': '#0069cc',
    'textCodeBlock-background': '#eaeaea',
    'list-hoverBackground': '#00000014',
    'checkbox-background': '#eaeaea',
    'checkbox-border': '#868686',
    'list-activeSelectionBackground': '#00000024',
    'list-activeSelectionForeground': '#202020',
    'badge-background': '#0069cc',
    'badge-foreground': '#ffffff',
    'editorWarning-foreground': '#bf8803',
    'testing-iconPassed': '#73c991',
    'charts-blue': '#1a5cff',
    'charts-green': '#388a34',
    'charts-orange': '#d18616',
    'charts-purple': '#652d90',
    'charts-yellow': '#667309',
    'charts-red': '#ad0707',
  },
  contrast: {
    class: 'vscode-high-contrast',
    foreground: '#ffffff',
    'editor-background': '#000000',
    descriptionForeground: '#ffffffb3',
    errorForeground: '#f48771',
    contrastBorder: '#6fc3df',
    contrastActiveBorder: '#f38518',
    'panel-border': '#6fc3df',
    'widget-border': '#6fc3df',
    focusBorder: '#f38518',
    'button-foreground': '#ffffff',
    'button-border': '#6fc3df',
    'button-secondaryForeground': '#ffffff',
    'input-background': '#000000',
    'input-foreground': '#ffffff',
    'input-border': '#6fc3df',
    'input-placeholderForeground': '#ffffffb3',
    'inputOption-activeBackground': '#00000000',
    'inputOption-activeBorder': '#6fc3df',
    'inputOption-activeForeground': '#ffffff',
    'inputValidation-warningBackground': '#000000',
    'inputValidation-warningBorder': '#6fc3df',
    'inputValidation-errorBorder': '#6fc3df',
    'dropdown-background': '#000000',
    'dropdown-foreground': '#ffffff',
    'dropdown-border': '#6fc3df',
    'textLink-foreground': '#21a6ff',
    'textLink-activeForeground': '#21a6ff',
    'checkbox-background': '#000000',
    'checkbox-border': '#6fc3df',
    'badge-background': '#000000',
    'badge-foreground': '#ffffff',
    'editorWarning-foreground': '#ffd370',
    'testing-iconPassed': '#73c991',
    'charts-blue': '#59a4f9',
    'charts-green': '#89d185',
    'charts-orange': '#d18616',
    'charts-purple': '#b180d7',
    'charts-yellow': '#ffd370',
    'charts-red': '#f48771',
  },
};

/** A dense 8B model in 16 bit, as its config.json describes it. */
const model8b = {
  name: 'Qwen/Qwen3-8B',
  path: null,
  weightsBytes: 16_381_470_720,
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
  coexistence: { ollamaReservationBytes: 0, safetyBufferBytes: 0 },
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
        detail: 'ready · :8001',
        usedBytes: 9.4 * GIB,
        plannedBytes: 9.6 * GIB,
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
    wish: wish({ engine: 'ollama', model: 'qwen3:8b' }),
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

function html(theme) {
  const policy = `default-src 'none'; style-src ${ORIGIN}; font-src ${ORIGIN}; script-src 'nonce-preview'`;
  return `<!DOCTYPE html><html lang="en"><head><meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="theme.css"><link rel="stylesheet" href="webview.css"><title>Planner</title></head>
<body class="${theme.class}" data-vscode-theme-kind="${theme.class.split(' ')[0]}"><div id="root"></div><script nonce="preview" src="webview.js"></script></body></html>`;
}

const themeCss = ({ class: _, ...variables }) =>
  `:root { ${Object.entries({ ...shared, ...variables })
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
    bundle = 'dist',
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
    '/': ['text/html', html({ ...themes[theme], class: `${themes[theme].class} ${bodyClass}` })],
    '/theme.css': ['text/css', themeCss(themes[theme])],
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
    await page.getByTestId('engine').waitFor({ timeout: 5000 });
  }
  return { page, problems };
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
