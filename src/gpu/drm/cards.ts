/** Cards of one maker in /sys/class/drm: where they are and whether they sleep. Asking this wakes none. */
import type { AnsweredFolder, FileAnswers, FolderQuestion } from '../kernelFiles';
import { foldersOf } from '../kernelFiles';

/** One card, by the files of its folder that were asked for. */
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
/** `suspended`, `active`, …; reading it wakes no card. */
export const STATUS = 'power/runtime_status';

/** These files of each card of a maker. `vendor` as in the file of that name: `0x1002`. */
export function cardQuestion(vendor: string, files: readonly string[]): FolderQuestion {
  return { folders: FOLDERS, where: { file: 'vendor', says: vendor }, files };
}

/** What {@link cardsOf} reads. */
export function identityQuestion(vendor: string): FolderQuestion {
  return cardQuestion(vendor, ['vendor', 'device', 'uevent', STATUS]);
}

/** Readings of those that are awake: most of these files wake a sleeping card. */
export function readingsQuestion(vendor: string, files: readonly string[]): FolderQuestion {
  return { ...cardQuestion(vendor, files), unless: { file: STATUS, says: 'suspended' } };
}

/** Folders of the cards that an answer is about. */
export function cardFoldersOf(files: FileAnswers): AnsweredFolder[] {
  return foldersOf(files, FOLDER);
}

/** The kernel has put it to sleep. */
export function isAsleep(card: AnsweredFolder): boolean {
  return card.text(STATUS) === 'suspended';
}

/** In the order of the bus. */
export function cardsOf(files: FileAnswers, vendor: string): DrmCard[] {
  return cardFoldersOf(files)
    .filter((folder) => folder.text('vendor') === vendor)
    .map((folder) => ({
      folder,
      busId: /^PCI_SLOT_NAME=([0-9a-f.:]{7,16})$/im.exec(folder.text('uevent') ?? '')?.[1] ?? null,
      deviceId: folder.text('device'),
      asleep: isAsleep(folder),
    }))
    .sort((a, b) => ((a.busId ?? '') < (b.busId ?? '') ? -1 : 1));
}
