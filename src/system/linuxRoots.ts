/** Where the kernel shows processes and devices; tests show their own. */
export interface LinuxRoots {
  readonly proc: string;
  readonly sharedMemory: string;
  readonly passwd: string;
  readonly devices: string;
}
