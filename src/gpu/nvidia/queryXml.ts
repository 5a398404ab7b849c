/** Reads `nvidia-smi -q -x` of any age (DTD v9 … v13): elements moved between versions, so each is looked up in all its places. */
import type { Gpu, GpuProcess, MigDevice } from '../gpu';
import { completeGpu, completeSlice } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { isIntegrated, isNotSupported, readCount, readNumber, readSize, readText } from '../values';
import type { XmlElement } from './xmlTree';
import { all, at, readXml, textAt } from './xmlTree';

/** `power_readings` up to driver 530; since 535 the card's own, with an instant and an average figure on newer ones. */
const POWER_SECTIONS = ['gpu_power_readings', 'power_readings'];
const POWER_DRAWS = ['power_draw', 'instant_power_draw', 'average_power_draw'];
const POWER_LIMITS = ['enforced_power_limit', 'current_power_limit', 'power_limit'];

/** GPUs are numbered as listed; minor numbers need not follow that order. Of several documents the last counts. */
export function readQueryXml(text: string): { gpus: Gpu[]; processes: GpuProcess[] } {
  const start = text.lastIndexOf('<nvidia_smi_log');
  const root = readXml(start === -1 ? text : text.slice(start));
  const log = at(root, 'nvidia_smi_log') ?? root;
  const driverVersion = readText(textAt(log, 'driver_version'));
  const processes: ProcessRow[] = [];
  const gpus = all(log, 'gpu').map((element, index) => {
    const rows = all(at(element, 'processes'), 'process_info');
    for (const row of rows) {
      const process = toProcessRow(row, index);
      if (process) processes.push(process);
    }
    return toGpu(element, index, driverVersion);
  });
  return { gpus, processes: mergeProcesses(processes) };
}

function toGpu(element: XmlElement, index: number, driverVersion: string | null): Gpu {
  const memory = at(element, 'fb_memory_usage');
  const name = readText(textAt(element, 'product_name'));
  const slices = all(at(element, 'mig_devices'), 'mig_device').map(toSlice);
  // Old unsupported cards have no memory section at all: unknown. "N/A" in it means that the card has no memory of its own.
  const unified =
    isIntegrated(name) || (memory !== undefined && isNotSupported(textAt(memory, 'total')));
  return completeGpu(index, {
    name,
    uuid: readText(textAt(element, 'uuid')),
    busId: readText(textAt(element, 'pci', 'pci_bus_id')) ?? readText(element.id),
    totalBytes: readSize(textAt(memory, 'total')),
    usedBytes: readSize(textAt(memory, 'used')),
    freeBytes: readSize(textAt(memory, 'free')),
    reservedBytes: readSize(textAt(memory, 'reserved')),
    utilizationPercent: readNumber(textAt(element, 'utilization', 'gpu_util'), '%'),
    temperatureC: readNumber(textAt(element, 'temperature', 'gpu_temp'), 'C'),
    powerW: readPower(element, POWER_DRAWS),
    powerLimitW: readPower(element, POWER_LIMITS),
    memory: unified ? 'unified' : 'dedicated',
    driverVersion,
    mig: textAt(element, 'mig_mode', 'current_mig') === 'Enabled',
    ...(slices.length === 0 ? {} : { migDevices: slices }),
  });
}

function readPower(element: XmlElement, names: readonly string[]): number | null {
  for (const section of POWER_SECTIONS) {
    for (const name of names) {
      const watts = readNumber(textAt(element, section, name), 'W');
      if (watts !== null) return watts;
    }
  }
  return null;
}

function toSlice(element: XmlElement): MigDevice {
  const memory = at(element, 'fb_memory_usage');
  return completeSlice({
    device: readCount(textAt(element, 'index')),
    gpuInstanceId: readCount(textAt(element, 'gpu_instance_id')),
    computeInstanceId: readCount(textAt(element, 'compute_instance_id')),
    totalBytes: readSize(textAt(memory, 'total')),
    usedBytes: readSize(textAt(memory, 'used')),
    freeBytes: readSize(textAt(memory, 'free')),
  });
}

function toProcessRow(element: XmlElement, gpuIndex: number): ProcessRow | null {
  const pid = readCount(textAt(element, 'pid'));
  if (pid === null) return null;
  const name = textAt(element, 'process_name');
  return {
    pid,
    gpuKey: String(gpuIndex),
    gpuIndex,
    usedBytes: readSize(textAt(element, 'used_memory')),
    // Windows hides the names of elevated processes: printed, but empty.
    name: name === '' ? '' : readText(name),
    type: readText(textAt(element, 'type')) ?? undefined,
    gpuInstanceId: readCount(textAt(element, 'gpu_instance_id')) ?? undefined,
    computeInstanceId: readCount(textAt(element, 'compute_instance_id')) ?? undefined,
  };
}
