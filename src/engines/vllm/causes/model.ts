/** The model itself: not found, not allowed, not complete, not supported. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, askedFor, fix } from '../../remedies';

const isPath = (model = ''): boolean => /^(?:[/~.]|[A-Za-z]:)/.test(model);

export const modelRules: readonly CauseRule[] = [
  {
    cause: 'gated_repo',
    pattern:
      /You are trying to access a gated repo|Cannot access gated repo|GatedRepoError|not in the authorized list|is awaiting a review|public gated repositor/,
  },
  {
    cause: 'gated_repo',
    // The hub answers the same for a name that it does not know.
    rank: 55,
    pattern: /40[13] Client Error|Invalid user token/,
  },
  {
    cause: 'model_path_missing',
    // Only a path: a Hub id that is wrong ends in "not found".
    pattern: /Repo id must (?:be in the form|use alphanumeric)[^:]*: '(?<path>[^']*)'/,
  },
  {
    cause: 'model_dir_empty',
    pattern:
      /Invalid repository ID or local directory specified: '(?<path>[/~.][^']*|[A-Za-z]:[^']*)'/,
  },
  {
    cause: 'model_not_found',
    pattern:
      /Repository Not Found|RepositoryNotFoundError|is not a local folder and is not a valid model identifier|Invalid repository ID or local directory specified: '(?<path>[^']*)'|404 Client Error/,
    when: ({ groups }) => !isPath(groups.path),
  },
  {
    cause: 'model_not_found',
    pattern: /RevisionNotFoundError|Revision Not Found|is not a valid git identifier/,
    remedy: always(
      'Correct --revision, or leave it out.',
      'The hub has the model, not this revision.',
    ),
  },
  { cause: 'tls_certificate', pattern: /CERTIFICATE_VERIFY_FAILED/, rank: 45 },
  {
    cause: 'hub_offline',
    pattern: /429 Client Error/,
    remedy: always(
      'Wait some minutes, or give a token (HF_TOKEN).',
      'The hub turns away too many requests from one address.',
    ),
  },
  {
    cause: 'hub_offline',
    pattern:
      /LocalEntryNotFoundError|We couldn't connect to 'https:\/\/huggingface\.co'|OfflineModeIsEnabled|Max retries exceeded with url|ConnectError: |ProxyError: |ConnectTimeout: |ReadTimeout(?:Error)?: |Temporary failure in name resolution|outgoing traffic has been disabled|Cannot find an appropriate cached snapshot folder/,
  },
  {
    cause: 'weights_missing',
    pattern:
      /Cannot find any model weights with|No model weights found in|Could not find GGUF file for|Error no file named (?:pytorch_model|model\.safetensors)|Weight files referenced in index but missing|Could not find checkpoint files|FileNotFoundError: .*(?<!adapter_model)\.(?:safetensors|bin|pth?)'|does not appear to have a file named (?:pytorch_model|model)\b/,
  },
  {
    cause: 'weights_corrupt',
    pattern:
      /SafetensorError|Error while deserializing header|incomplete metadata, file not fully covered|UnpicklingError: |PytorchStreamReader failed|Consistency check failed|failed finding central directory/,
  },
  {
    cause: 'weights_corrupt',
    pattern: /JSONDecodeError: /,
    when: ({ raisedAt }) => raisedAt?.includes('/model_loader/') === true,
  },
  {
    cause: 'unsupported_architecture',
    // The import that failed stands before it.
    rank: 70,
    pattern: /Model architectures \[(?<arch>[^\]]*)\] failed to be inspected/,
  },
  {
    cause: 'unsupported_architecture',
    pattern:
      /Model architectures \[(?<arch>[^\]]*)\] are not supported for now|has no vLLM implementation(?!, falling)|Unknown gguf model_type|GGUF model with architecture \S+ is not supported|is not supported in-tree anymore|was supported in vLLM until/,
  },
  {
    cause: 'unsupported_architecture',
    pattern:
      /model type `(?<arch>[^`]+)` but Transformers does not recognize this architecture|Transformers does not recognize this architecture/,
    remedy: ({ groups }) =>
      fix(
        'Update transformers in the environment of vLLM (pip install --upgrade transformers), or vLLM itself.',
        `Neither knows the model type${groups.arch === undefined ? '' : ` "${groups.arch}"`}; it may be newer than both.`,
      ),
  },
  {
    cause: 'weights_mismatch',
    pattern:
      /There is no module or parameter named|KeyError: '(?:model\.)?layers\.\d+\.|start \(\d+\) \+ length \(\d+\) exceeds dimension size|Following weights were not initialized from checkpoint|Attempted to load weight \(|size mismatch for |Failed to map GGUF parameters/,
  },
  {
    cause: 'tokenizer_unreadable',
    pattern:
      /Can't load (?:tokenizer|image processor|feature extractor|processor) for|Tokenizer class \S+ does not exist|Couldn't instantiate the backend tokenizer|untagged enum \w+|Unable to load vocabulary from file/,
  },
  {
    cause: 'config_unreadable',
    // vLLM tries several files before it gives up.
    rank: 52,
    pattern:
      /does not appear to have a file named \S*(?:config\.json|params\.json|\.py)\b|Unrecognized model in |is not a valid JSON file|No supported config format found/,
  },
  {
    cause: 'trust_remote_code',
    pattern:
      /Failed to load the model config\. If the model is a custom model|requires you to execute the configuration file|contains custom code which must be executed/,
  },
];

export const modelTexts: Readonly<Record<string, CauseText>> = {
  gated_repo: {
    title: 'The model is gated: licence not accepted, or no token',
    remedy: always(
      'Accept the licence on the model page and give a token (HF_TOKEN, or `hf auth login`).',
      'The hub knows the model and refuses access to it.',
    ),
  },
  model_path_missing: {
    title: 'The model folder does not exist',
    remedy: ({ groups }) =>
      fix(
        `Correct the path${groups.path ? ` ${groups.path}` : ''}${isPath(groups.path) ? '' : ': a folder, or owner/name'}.`,
        /:\w*Q\d/i.test(groups.path ?? '')
          ? 'A GGUF file of a repository, named by its quantization, needs vllm-gguf-plugin from 0.24 on.'
          : 'What is no folder is taken for a repository name, and this is no valid one.',
      ),
  },
  model_dir_empty: {
    title: 'The folder holds no model',
    remedy: ({ groups }) =>
      fix(
        `Choose a folder with config.json (or params.json)${groups.path ? `; vLLM finds no model in ${groups.path}` : ''}.`,
        'The download may not have finished, the model lies one level deeper, or this is a file in it.',
      ),
  },
  model_not_found: {
    title: 'The hub has no such model',
    remedy: ({ groups }) =>
      fix(
        `Check the spelling${groups.path ? ` of ${groups.path}` : ''}; a private model needs a token.`,
        'Names are owner/name, in upper and lower case as on the model page.',
      ),
  },
  hub_offline: {
    title: 'The model is not on this machine, and the hub cannot be reached',
    remedy: always(
      'Download the model first, give its local folder, or allow access (unset HF_HUB_OFFLINE, check the proxy).',
      'Only the local cache was looked at, and it has no such snapshot.',
    ),
  },
  tls_certificate: {
    title: 'The certificate of the hub is not trusted',
    remedy: always(
      "Point REQUESTS_CA_BUNDLE and SSL_CERT_FILE to your proxy's certificate.",
      'A proxy signs the connection anew, and its authority is unknown.',
    ),
  },
  weights_missing: {
    title: 'Weights are missing',
    remedy: (match) => {
      const format = askedFor(match).loadFormat ?? 'auto';
      return format === 'auto'
        ? fix(
            'Finish the download: .safetensors files (or .bin, .pt) are missing.',
            'config.json is there, the weights are not, or not all of them.',
          )
        : fix('Drop --load-format.', `The folder has no files of the kind ${format}.`, {
            loadFormat: null,
          });
    },
  },
  weights_corrupt: {
    title: 'A weight file is damaged or incomplete',
    remedy: always(
      'Delete the damaged file and download it again (in a git clone: git lfs pull).',
      'It was cut, or holds something else: a web page, or the pointer that Git LFS leaves.',
    ),
  },
  unsupported_architecture: {
    title: 'This vLLM does not support the architecture',
    remedy: ({ groups }) =>
      fix(
        'Use a newer vLLM, try --model-impl transformers, or another model.',
        `${groups.arch ?? 'The architecture'} is not among those that this version implements.`,
      ),
  },
  trust_remote_code: {
    title: 'The model brings its own code',
    remedy: always(
      'If you trust its author, add --trust-remote-code to the extra arguments.',
      'vLLM runs code from a repository only when told to.',
    ),
  },
};
