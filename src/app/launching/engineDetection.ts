/** Which engines are installed, and their versions, without running anything slow (`vllm --version` takes 12 s). */
import { parseOllamaVersion, versionProbeHost } from '../../engines/ollama/version';
import {
  distInfoCandidates,
  distInfoNames,
  parseMetadataVersion,
  parseScriptShebang,
  versionProbeArguments,
} from '../../engines/vllm/version';
import type { AppContext } from '../appContext';
import type { EngineFound } from '../state';

const NOT_FOUND: EngineFound = { found: false, file: null, version: null };
const SCRIPT_HEAD_BYTES = 1024;
const METADATA_MAX_BYTES = 1_000_000;

export async function detectEngines(context: AppContext): Promise<void> {
  const settings = context.settings();
  const [vllm, ollama] = await Promise.all([
    detectVllm(context, settings['vllm.executablePath']),
    detectOllama(context, settings['ollama.executablePath']),
  ]);
  // changed meanwhile: whoever changed them has asked anew, and this answer is about other programs
  const now = context.settings();
  const keys = ['vllm.executablePath', 'ollama.executablePath'] as const;
  if (keys.some((key) => now[key] !== settings[key])) return;
  context.log.info('engines', 'looked', { vllm: vllm.version, ollama: ollama.version });
  context.store.dispatch({ type: 'enginesFound', engines: { vllm, ollama } });
}

async function locate(
  context: AppContext,
  configured: string,
  name: string,
): Promise<string | null> {
  if (configured === '') return context.exec.find(name);
  return (await context.files.stat(configured))?.kind === 'file' ? configured : null;
}

async function detectVllm(context: AppContext, configured: string): Promise<EngineFound> {
  const file = await locate(context, configured, 'vllm');
  if (file === null) return NOT_FOUND;
  const { files, exec } = context;
  // uv and pipx put a link on PATH; the interpreter is named in the real script
  const script = (await files.realPath(file)) ?? file;
  const head = await files.readRange(script, 0, SCRIPT_HEAD_BYTES);
  const interpreter = head.ok ? parseScriptShebang(new TextDecoder().decode(head.value)) : null;
  if (interpreter === null) return { found: true, file, version: null };
  const fromFiles = await versionFromFiles(context, interpreter);
  if (fromFiles !== null) return { found: true, file, version: fromFiles };
  const asked = await exec.run({
    file: interpreter,
    args: versionProbeArguments,
    timeoutMs: 10_000,
  });
  const printed = asked.ok && asked.value.exitCode === 0 ? asked.value.stdout.trim() : '';
  return { found: true, file, version: printed === '' ? null : printed };
}

async function versionFromFiles(context: AppContext, interpreter: string): Promise<string | null> {
  const { files } = context;
  for (const { folder, pythonFolder } of distInfoCandidates(interpreter)) {
    const packages = pythonFolder
      ? (await files.list(folder))
          .filter((name) => pythonFolder.test(name))
          .map((name) => files.join(folder, name, 'site-packages'))
      : [folder];
    for (const place of packages) {
      const names = await files.list(place);
      for (const pattern of distInfoNames) {
        const found = names.find((name) => pattern.test(name));
        if (found === undefined) continue;
        const text = await files.readText(files.join(place, found, 'METADATA'), METADATA_MAX_BYTES);
        const version = text.ok ? parseMetadataVersion(text.value) : null;
        if (version !== null) return version;
      }
    }
  }
  return null;
}

async function detectOllama(context: AppContext, configured: string): Promise<EngineFound> {
  const file = await locate(context, configured, 'ollama');
  const printed = file === null ? null : await askOllama(context, file);
  return file === null ? NOT_FOUND : { found: true, file, version: printed };
}

async function askOllama(context: AppContext, file: string): Promise<string | null> {
  const asked = await context.exec.run({
    file,
    args: ['--version'],
    env: { OLLAMA_HOST: versionProbeHost },
    timeoutMs: 5_000,
  });
  return asked.ok ? parseOllamaVersion(`${asked.value.stdout}\n${asked.value.stderr}`) : null;
}
