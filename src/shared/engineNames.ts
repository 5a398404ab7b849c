/** The engines' names as people write them. */
import type { EngineId } from './planRequest';

export const engineNames: Readonly<Record<EngineId, string>> = { vllm: 'vLLM', ollama: 'Ollama' };
