/** Which engines a typed model may be meant for, the likelier first. */
import { isOllamaTag } from '../../models/modelName';
import type { EngineId } from '../../shared/planRequest';
import type { AppState } from '../state';

const PATH = /^[/~.]|^[a-z]:[\\/]/i;

export function enginesForTyped(text: string, { vllm, ollama }: AppState['engines']): EngineId[] {
  if (PATH.test(text)) return ['vllm'];
  const prefersOllama = isOllamaTag(text) || (ollama.found && !vllm.found);
  return prefersOllama ? ['ollama', 'vllm'] : ['vllm', 'ollama'];
}
