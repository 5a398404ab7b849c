/** What the loops of `app/` share: the doors, the state, and how to ask for settings that may change any time. */
import type { GpuSample } from '../gpu/gpu';
import type { ApiKeys } from './requests/apiKeys';
import type { OwnRequests } from './requests/ownRequests';
import type { PortChooser } from './launching/portChooser';
import type { Registry } from './servers/registry';
import type { Launcher, Log, MachinePorts } from './ports';
import type { Settings } from './settings';
import type { AppStore } from './store';

export interface Ports extends MachinePorts {
  readonly log: Log;
}

export interface AppContext extends Ports {
  readonly store: AppStore;
  readonly launcher: Launcher;
  readonly registry: Registry;
  readonly portChooser: PortChooser;
  readonly ownRequests: OwnRequests;
  readonly apiKeys: ApiKeys;
  readonly settings: () => Settings;
  readonly newId: () => string;
  /** A fresh look at the GPUs; null where there is no tool or it doesn't answer. */
  readonly lookAtGpus: () => Promise<GpuSample | null>;
  /** Folders that may hold the Hugging Face cache, best first; those of a vLLM server, whose environment is a setting. */
  readonly hubCacheFolders: () => readonly string[];
}
