// Headless Chromium for a window of VS Code, quiet on the network.
import { chromium } from 'playwright-core';

const ARGS = [
  '--no-sandbox', // tests run as root in containers
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

export function launchBrowser(executablePath, env = process.env) {
  return chromium.launch({
    executablePath,
    headless: true,
    env,
    args: ARGS,
    timeout: 120_000, // beside other work
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

export function newContext(browser) {
  return browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
}
