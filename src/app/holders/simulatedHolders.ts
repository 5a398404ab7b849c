/** What simulated servers would hold on the simulated GPU: as much as was planned for them. */
import type { GpuProcess } from '../../gpu/gpu';
import type { AppStore } from '../store';

export function simulatedHolders(store: AppStore): GpuProcess[] {
  return store.state().servers.flatMap((server): GpuProcess[] => {
    if (!server.simulated || server.phase === 'ended' || !server.record) return [];
    const planned = server.plannedBytesPerGpu[0] ?? 0;
    const share = server.phase === 'ready' ? 1 : 0.4;
    return [
      {
        pid: server.record.main.pid,
        usedBytes: Math.round(planned * share),
        name: 'simulated server',
        gpus: [0],
      },
    ];
  });
}
