/** How GPUs are watched under the settings: by which tools, beside which windows, and with which memory of the past. */
import { simulatedSource } from '../../gpu/simulated';
import { familiesFor } from '../../gpu/sources';
import type { Ports } from '../appContext';
import { keepHistory, type GpuHistory } from './history';
import { createSampler, type Sampler } from './sampler';
import type { Settings } from '../settings';
import { createSharedSampling } from './sharedSampling';
import { simulatedHolders } from '../holders/simulatedHolders';
import type { AppStore } from '../store';

export interface GpuWatch {
  readonly sampler: Sampler;
  readonly history: GpuHistory;
  stop(): void;
}

interface GpuWatchOptions extends Ports {
  readonly settings: () => Settings;
  readonly storageFolder: string;
  readonly version: string;
  readonly isWatched: () => boolean;
}

export function createGpuWatch(options: GpuWatchOptions, store: AppStore): GpuWatch {
  const { files, clock, settings } = options;
  const simulated = [{ vendor: null, ways: [simulatedSource(() => simulatedHolders(store))] }];
  const source = () => settings()['monitor.source'];
  const executable = () => settings()['monitor.executablePath'];
  const intervalMs = () => settings()['monitor.intervalSeconds'] * 1000;
  const sharing = createSharedSampling({
    ...options,
    folder: files.join(options.storageFolder, 'sampling'),
    intervalMs,
    key: () =>
      settings().simulate ? null : JSON.stringify([options.version, source(), executable()]),
  });
  const families = () => (settings().simulate ? simulated : familiesFor(source(), executable()));
  const sampler = createSampler(
    { ...options, store, families, sharing },
    {
      intervalMs,
      warnPercent: () => settings()['statusBar.warnAtPercent'],
      executable,
      isWatched: options.isWatched,
    },
  );
  const history = keepHistory(store, clock);
  return {
    sampler,
    history,
    stop() {
      sharing.stop();
      history.stop();
    },
  };
}
