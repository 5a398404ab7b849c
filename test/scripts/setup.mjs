// Installs node_modules where they are missing or older than package-lock.json; quiet and quick (one hash) otherwise.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './paths.mjs';
import { Missing, main, npm } from './processes.mjs';

const stamp = path.join(root, 'node_modules', '.vram-pilot-lock-hash');

function lockHash() {
  const lock = fs.readFileSync(path.join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex');
}

function stampedHash() {
  try {
    return fs.readFileSync(stamp, 'utf8');
  } catch {
    return null;
  }
}

export async function setUp() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  // mocha and eslint load ES modules with require(), which Node does from 20.19 on.
  if (major < 20 || (major === 20 && minor < 19))
    throw new Missing(`Node ${process.versions.node} is too old; 20.19 or newer is needed.`);
  if (stampedHash() === lockHash()) return;
  console.error('installing npm packages …');
  await npm(['ci'], { cwd: root, quiet: true });
  fs.writeFileSync(stamp, lockHash());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(setUp);
