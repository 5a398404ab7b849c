/** Which `--tool-call-parser` reads the calls that a family of chat models writes. Only families whose own chat template has tools. */
import { isWithin, type VersionSpan } from '../engineVersion';

interface ToolParserRow extends VersionSpan {
  /** Tested against the last part of the model's name or folder, in lower case. */
  readonly model: RegExp;
  readonly parser: string;
}

/** First match counts. Base models, embedders and rerankers never match: they do not chat. */
const rows: readonly ToolParserRow[] = [
  { model: /qwen-?3-?coder/, parser: 'qwen3_coder', since: '0.10.0' },
  { model: /qwen-?2\.5.*instruct/, parser: 'hermes', since: '0.6.1' },
  { model: /qwq-32b|qwen-?3(?!\.)/, parser: 'hermes', since: '0.6.1' },
  { model: /hermes-?[234]/, parser: 'hermes', since: '0.6.1' },
  { model: /llama-?3[._][123].*instruct/, parser: 'llama3_json', since: '0.6.3' },
  { model: /llama-?4.*instruct/, parser: 'llama4_pythonic', since: '0.8.5' },
  {
    model: /mistral-7b-instruct-v0\.3|(?:mistral-(?:nemo|small|large)|ministral).*instruct/,
    parser: 'mistral',
    since: '0.6.1',
  },
  { model: /granite-3.*instruct/, parser: 'granite', since: '0.6.4' },
  { model: /gpt-oss/, parser: 'openai', since: '0.10.2' },
];

const notChat = /(?:^|[-_.])(?:base|embedding|embed|reranker|reward|classif\w*)(?:[-_.]|$)/;

/**
 * @param model name, path or tag as given.
 * @returns null where the family is not known, does not chat, or this version has no parser for it.
 */
export function toolParserFor(model: string, version: string | null): string | null {
  const name = lastPart(model).toLowerCase();
  if (notChat.test(name)) return null;
  const row = rows.find((candidate) => candidate.model.test(name));
  return row && isWithin(row, version) ? row.parser : null;
}

/** Last non-empty part of a path or of `owner/name`. */
export function lastPart(model: string): string {
  return (
    model
      .split(/[/\\]/)
      .filter((part) => part !== '')
      .at(-1) ?? model
  );
}
