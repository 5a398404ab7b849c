/** Cards of one maker in /sys/class/drm: where they are and whether they sleep. Asking this wakes none. */
import type { AnsweredFolder, FileAnswers, FolderQuestion } from '../kernelFiles';
import { foldersOf } from '../kernelFiles';

export interface DrmCard {
  readonly folder: AnsweredFolder;
  /** e.g. `0000:03:00.0`. */
  readonly busId: string | null;
  /** PCI device id, e.g. `0x7551`. */
  readonly deviceId: string | null;
  readonly asleep: boolean;
}

const FOLDERS = '/sys/class/drm/card*/device';
const FOLDER = /^\/sys\/class\/drm\/card\d+\/device(?=\/)/;
const STATUS = 'power/runtime_status';

/** `vendor` as in the file of that name: `0x1002`. */
export function identityQuestion(vendor: string): FolderQuestion {
  const where = { file: 'vendor', says: vendor };
  return { folders: FOLDERS, where, files: ['vendor', 'device', 'uevent', STATUS] };
}

/** Readings of those that are awake: most of these files wake a sleeping card. */
export function readingsQuestion(vendor: string, files: readonly string[]): FolderQuestion {
  const unless = { file: STATUS, says: 'suspended' };
  return { folders: FOLDERS, where: { file: 'vendor', says: vendor }, unless, files };
}

/** In the order of the bus. */
export function cardsOf(files: FileAnswers, vendor: string): DrmCard[] {
  return foldersOf(files, FOLDER)
    .filter((folder) => folder.text('vendor') === vendor)
    .map((folder) => ({
      folder,
      busId: /^PCI_SLOT_NAME=([0-9a-f.:]{7,16})$/im.exec(folder.text('uevent') ?? '')?.[1] ?? null,
      deviceId: folder.text('device'),
      asleep: folder.text(STATUS) === 'suspended',
    }))
    .sort((a, b) => ((a.busId ?? '') < (b.busId ?? '') ? -1 : 1));
}
