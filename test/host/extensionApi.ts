/** The extension in the window of a suite. */
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../src/vscode/api';
import { eventually } from './eventually';

/** What the extension offers, activated. */
export async function extensionApi(): Promise<VramPilotApi> {
  const extension = vscode.extensions.getExtension<VramPilotApi>('vram-pilot.vram-pilot');
  if (!extension) throw new Error('the extension is not in this window');
  return await extension.activate();
}

/** Once the card has been looked at anew: the first look may have begun before what the caller changed. */
export async function cardSeen(api: VramPilotApi): Promise<void> {
  for (let looks = 0; looks < 2; looks++) {
    const { sampledAtMs } = api.getState().gpu;
    await eventually(() => api.getState().gpu.sampledAtMs !== sampledAtMs, 'a look at the GPU');
  }
}

/** The extension, once it has found vLLM. */
export async function apiWithVllm(): Promise<VramPilotApi> {
  const api = await extensionApi();
  await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
  return api;
}

/** The same, once it has seen the GPU as well. */
export async function readyApi(): Promise<VramPilotApi> {
  const api = await apiWithVllm();
  await eventually(() => api.getState().gpu.status === 'ok', 'a first sample');
  return api;
}
