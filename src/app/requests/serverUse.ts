/** What a ready server is for: trying it, measuring it, and what others need to talk to it. */
import { curlCommand } from '../../engines/curl';
import type { PromptKind } from '../../engines/promptStream';
import type { Result } from '../../shared/failure';
import { asksForKey } from './apiKeys';
import type { AppContext } from '../appContext';
import { dialectOf, promptTarget, sendPrompt, type PromptOutcome } from './prompts';
import type { Server } from '../state';
import { runTestLoad, type LoadHow, type LoadReport } from './testLoad';

/** Short on purpose: it shows that the server works and how fast, not how clever the model is. */
const TEST_PROMPT = {
  text: 'Say hello in one short sentence.',
  maxTokens: 64,
  isFixedLength: false,
};
const PROMPT_TIMEOUT_MS = 120_000;

export interface ServerUse {
  /** A command to try it with; a key is left to the shell's `$VLLM_API_KEY`. */
  curlFor(server: Server): Promise<string>;
  /** null: it asks for none, or for one that is not known here. */
  apiKeyOf(server: Server): Promise<string | null>;
  sendTestPrompt(
    server: Server,
    signal: AbortSignal,
    onText?: (text: string) => void,
  ): Promise<Result<PromptOutcome>>;
  runTestLoad(
    server: Server,
    signal: AbortSignal,
    onProgress: LoadHow['onProgress'],
  ): Promise<Result<LoadReport>>;
}

export function createServerUse(context: AppContext): ServerUse {
  /** What each turned out to be for, once it has answered. */
  const kinds = new Map<string, PromptKind>();
  const kindOf = ({ id }: Server): PromptKind => kinds.get(id) ?? 'chat';
  return {
    async curlFor(server) {
      const apiKey = (await context.apiKeys.of(server)) ?? (asksForKey(server) ? '' : null);
      const target = promptTarget(server, apiKey);
      const kind = kindOf(server);
      return curlCommand(
        dialectOf(server).request(target, kind, TEST_PROMPT, { isStreamed: false }),
      );
    },
    apiKeyOf: (server) => context.apiKeys.of(server),
    async sendTestPrompt(server, signal, onText) {
      const outcome = await context.ownRequests.during(server.id, signal, (falls) =>
        sendPrompt(context, server, TEST_PROMPT, {
          kind: kindOf(server),
          signal: falls,
          timeoutMs: PROMPT_TIMEOUT_MS,
          ...(onText && { onText }),
        }),
      );
      if (outcome.ok) kinds.set(server.id, outcome.value.kind);
      return outcome;
    },
    runTestLoad: (server, signal, onProgress) =>
      context.ownRequests.during(server.id, signal, (falls) =>
        runTestLoad(context, server, { signal: falls, onProgress }),
      ),
  };
}
