/** The engines there are: one row each. */
import type { EngineId } from '../shared/planRequest';
import type { EngineLogReader } from './logReader';
import type { LaunchSeen } from './logRules';
import { createOllamaLogReader } from './ollama/log';
import { createVllmLogReader } from './vllm/log';

export interface EngineKind {
  readonly id: EngineId;
  /** As people write it. */
  readonly label: string;
  /** process: a launch is a process. request: a launch is a request to a daemon, which may be ours. */
  readonly launch: 'process' | 'request';
  readonly defaultPort: number;
  /** Answers 200 when it serves. */
  readonly healthPath: string;
  readonly createLogReader: (launch?: Partial<LaunchSeen>) => EngineLogReader;
}

export const engineKinds: Readonly<Record<EngineId, EngineKind>> = {
  vllm: {
    id: 'vllm',
    label: 'vLLM',
    launch: 'process',
    defaultPort: 8000,
    healthPath: '/health',
    createLogReader: createVllmLogReader,
  },
  ollama: {
    id: 'ollama',
    label: 'Ollama',
    launch: 'request',
    defaultPort: 11434,
    healthPath: '/api/version',
    createLogReader: createOllamaLogReader,
  },
};
