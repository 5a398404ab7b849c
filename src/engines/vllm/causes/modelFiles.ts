/** What stands in the model's small files and cannot be used: config.json, the chat template. */
import type { CauseRule, CauseText } from '../../logRules';
import { duringStart, fix } from '../../remedies';

export const modelFileRules: readonly CauseRule[] = duringStart([
  {
    cause: 'config_invalid',
    // Before the fields, which say more than the name of the check.
    rank: 55,
    pattern: /StrictDataclass\w*Error: (?<what>.+)/,
  },
  {
    cause: 'config_invalid',
    pattern:
      /^\s*\w*Error: (?<what>Field '\w+' expected .+|"?Missing required keys in `rope_\w+`.+|Unknown RoPE scaling type .+|Unsupported activation: .+|Activation function \S+ is not supported.*|num_heads \(\d+\) is not divisible by num_kv_heads .+|module 'torch' has no attribute '(?:b?float|bf|fp|u?int)\w*'|\S*'\w+Config' object has no attribute '\w+'.*|zeros: Dimension size must be non-negative.*)/,
  },
  {
    cause: 'chat_template_broken',
    pattern: /jinja2\.exceptions\.\w+: (?<what>.+)/,
  },
]);

export const modelFileTexts: Readonly<Record<string, CauseText>> = {
  config_invalid: {
    title: 'A value in config.json cannot be used',
    remedy: ({ groups }) =>
      fix(
        'Take config.json from the model page again, without --hf-overrides; else update vLLM and transformers together.',
        `vLLM says: ${groups.what ?? 'nothing more'}`,
      ),
  },
  chat_template_broken: {
    title: 'The chat template has an error',
    remedy: ({ groups }) =>
      fix(
        'Correct it, or give another one with --chat-template FILE.',
        `Jinja says: ${groups.what ?? 'nothing more'}`,
      ),
  },
};
