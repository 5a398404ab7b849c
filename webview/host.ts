/** The one door to the extension: posts, receives and keeps state. What does not parse is dropped and reported. */
import * as z from 'zod/mini';
import { toPageSchema, type FromPage, type ToPage } from '../src/shared/protocol';

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
    const parsed = z.safeParse(toPageSchema, event.data);
    if (parsed.success) {
      receive(parsed.data);
      return;
    }
    const issue = parsed.error.issues[0];
    problem(`bad message to the page: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
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
