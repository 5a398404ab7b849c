/** The registry and the client: a pull that was refused or broke, a model nobody has, a server that does not answer. */
import type { CauseRule, CauseText } from '../../logRules';
import { always } from '../../remedies';

export const pullRules: readonly CauseRule[] = [
  {
    cause: 'server_not_running',
    pattern: /could not connect to ollama (?:server|app)|ollama server not responding/,
  },
  {
    cause: 'model_not_found',
    pattern:
      /pull model manifest: file does not exist|model ['"](?<name>[^'"]+)['"] not found|^Error: invalid model name/,
  },
  {
    cause: 'capability_missing',
    rank: 60,
    pattern:
      /^Error: .*does not support (?:generate|chat|tools|thinking|completions|embed\w*|insert)/,
  },
  {
    cause: 'needs_newer_ollama',
    pattern:
      /pull model manifest: 412|requires a newer version of Ollama|not supported by your version of Ollama/,
  },
  {
    cause: 'registry_denied',
    pattern: /pull model manifest: (?:401|403|429)|unauthorized: access denied/,
  },
  { cause: 'tls_certificate', pattern: /x509:/ },
  {
    cause: 'registry_unreachable',
    pattern:
      /pull model manifest: (?:5\d\d\b|.*(?:no such host|server misbehaving|connection re(?:fused|set)|timeout|unreachable|deadline exceeded|EOF|forcibly closed))|max retries exceeded/,
  },
  {
    cause: 'disk_full',
    rank: 45,
    pattern: /no space left on device|not enough space on the disk|disk quota exceeded/,
  },
];

export const pullTexts: Readonly<Record<string, CauseText>> = {
  server_not_running: {
    title: 'No Ollama server answers',
    remedy: always(
      'Start it (ollama serve), and give clients the same OLLAMA_HOST.',
      "This is the client's word; the reason stands in the server's log.",
    ),
  },
  capability_missing: {
    title: 'The model cannot do what it was asked for',
    remedy: always(
      'Use a model that has what the message names.',
      'ollama show lists what a model can do.',
    ),
  },
  registry_denied: {
    title: 'The registry refuses the pull',
    remedy: always(
      'Check the name, sign in (ollama signin) for private models, or wait where it says 429.',
      'It was reached, and hands nothing out.',
    ),
  },
  model_not_found: {
    title: 'There is no such model or tag',
    remedy: always(
      'Pull it, or check the spelling and the tag.',
      'Neither the daemon nor, where it was pulled, the registry has one under that name.',
    ),
  },
  needs_newer_ollama: {
    title: 'The model needs a newer Ollama',
    remedy: always(
      'Update Ollama and restart its server.',
      'The registry refuses servers that are older than the model needs.',
    ),
  },
  tls_certificate: {
    title: "The registry's certificate is not trusted",
    remedy: always(
      "Add the proxy's CA certificate to the store of the host or container in which the server runs.",
      'A proxy signs the connection anew, and its authority is unknown.',
    ),
  },
  registry_unreachable: {
    title: 'The registry cannot be reached',
    remedy: always(
      'Check the network and HTTPS_PROXY of the server (not of the client).',
      'The pull is made by the server.',
    ),
  },
  disk_full: {
    title: 'The disk is full',
    remedy: always(
      'Free space, or set OLLAMA_MODELS to another disk.',
      'The model could not be written.',
    ),
  },
};
