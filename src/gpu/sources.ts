/** The ways to live samples: one family per maker, in it the cheapest way first. A new GPU tool is one more row. */
import { amdgpuSource } from './amd/amdgpuSource';
import { amdSmiSource } from './amd/amdSmiSource';
import { rocmSmiSource } from './amd/rocmSmiSource';
import { appleSource } from './apple/appleSource';
import { intelSource } from './intel/intelSource';
import { xpuSmiSource } from './intel/xpuSmiSource';
import { jetsonSource } from './nvidia/jetsonSource';
import { nvidiaOfWindowsSource, nvidiaSource } from './nvidia/source';
import type { GpuFamily } from './source';
import { windowsCountersSource } from './windows/countersSource';

/** The GPUs of the first keep the numbers that CUDA knows them by. */
export const GPU_FAMILIES: readonly GpuFamily[] = [
  { vendor: 'nvidia', ways: [nvidiaSource, nvidiaOfWindowsSource, jetsonSource] },
  { vendor: 'amd', ways: [amdgpuSource, amdSmiSource, rocmSmiSource] },
  { vendor: 'intel', ways: [intelSource, xpuSmiSource] },
  { vendor: 'apple', ways: [appleSource] },
  { vendor: null, ways: [windowsCountersSource], isSlow: true },
];

/**
 * The families to ask under the settings: one way alone where the user chose it, and where the user gave the path of a
 * tool, the way that this tool is of.
 */
export function familiesFor(chosen: string, executable: string): readonly GpuFamily[] {
  const tool =
    executable
      .split(/[\\/]/)
      .at(-1)
      ?.toLowerCase()
      .replace(/\.exe$/, '') ?? '';
  const wanted = chosen !== 'auto' ? chosen : tool;
  if (wanted === '') return GPU_FAMILIES;
  const only = GPU_FAMILIES.map(({ vendor, ways }) => ({
    vendor,
    ways: ways.filter((way) => way.id === wanted),
  })).filter(({ ways }) => ways.length > 0);
  if (only.length > 0) return only;
  // a wrapper by another name: taken for nvidia-smi
  return [{ vendor: 'nvidia', ways: [nvidiaSource] }];
}
