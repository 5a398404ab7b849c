/** Whether laptops' cards sleep, by files that wake none. Without a display driver of NVIDIA nothing is known: then they are asked. */
import { foldersOf, type FileAnswers, type FileQuestion } from '../kernelFiles';

const CARD_FOLDER = /^\/sys\/class\/drm\/card\d+\/device(?=\/)/;

/** Any call of nvidia-smi wakes a laptop's card for up to two minutes (5–25 W): these files don't. */
export const SLEEP_QUESTIONS: readonly FileQuestion[] = [
  {
    folders: '/sys/class/drm/card*/device',
    where: { file: 'vendor', says: '0x10de' },
    files: ['power/control', 'power/runtime_status'],
  },
];

/** Every NVIDIA card there is; false where none is known. */
export function areAllAsleep(files: FileAnswers): boolean {
  const cards = foldersOf(files, CARD_FOLDER);
  return (
    cards.length > 0 && cards.every((card) => card.text('power/runtime_status') === 'suspended')
  );
}

/** `on`: kept awake whatever happens. */
export function mayBePutToSleep(files: FileAnswers): boolean {
  return foldersOf(files, CARD_FOLDER).some((card) => card.text('power/control') === 'auto');
}
