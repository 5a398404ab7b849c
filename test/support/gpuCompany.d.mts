/** Processes of several kinds that a stand-in GPU can be told to be held by. */
export interface GpuCompany {
  /** For `processes` of the stand-in's state. */
  readonly rows: readonly { pid: number; usedMiB: number; name: string; gpu: number }[];
  pidOf(name: 'kernel' | 'screen' | 'training'): number;
  end(): void;
}

export function startGpuCompany(folder: string): GpuCompany;
