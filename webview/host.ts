/** The one door to the extension: posts, receives and keeps state. What does not parse is dropped and reported. */
import type { FromPage, ToPage } from '../src/shared/protocol';
import { readIncoming } from './incoming';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface Host {
  send(message: FromPage): void;
  savedState(): unknown;
  saveState(state: unknown): void;
}

export function connectHost(receive: (message: ToPage) => void): Host {
  const api = acquireVsCodeApi();
  const send = (message: FromPage): void => {
    api.postMessage(message);
  };
  const problem = (text: string): void => {
    send({ type: 'problem', text: text.slice(0, 2000) });
  };
  window.addEventListener('message', (event) => {
    const incoming = readIncoming(event.data);
    if ('message' in incoming) receive(incoming.message);
    else problem(incoming.problem);
  });
  window.addEventListener('error', (event) => {
    problem(`page error: ${event.message} (line ${event.lineno}, column ${event.colno})`);
  });
  window.addEventListener('unhandledrejection', (event) => {
    problem(`page rejection: ${String(event.reason)}`);
  });
  return {
    send,
    savedState: () => api.getState(),
    saveState: (state) => {
      api.setState(state);
    },
  };
}
