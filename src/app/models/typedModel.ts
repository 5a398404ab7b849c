/** What a typed model may mean, while it is typed. */
import { isOllamaTag } from '../../models/modelName';
import type { EngineId } from '../../shared/planRequest';
import type { AppState } from '../state';
import { bareHubName, HUB_GIVES, HUB_NEEDS } from './completeFromHub';

const PATH = /^[/~.]|^[a-z]:[\\/]/i;

/** The engines it may be meant for, the likelier first. */
export function enginesForTyped(text: string, { vllm, ollama }: AppState['engines']): EngineId[] {
  if (PATH.test(text)) return ['vllm'];
  const prefersOllama = isOllamaTag(text) || (ollama.found && !vllm.found);
  return prefersOllama ? ['ollama', 'vllm'] : ['vllm', 'ollama'];
}

/** Where its sizes would come from; null: nothing to say. */
export function hintForTyped(name: string, mayAskHub: boolean): string | null {
  if (bareHubName('vllm', { name }) === null) return null;
  return mayAskHub ? HUB_GIVES : HUB_NEEDS;
}
