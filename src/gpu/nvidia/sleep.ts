/** Whether laptops' cards sleep, by files that wake none. Without a display driver of NVIDIA nothing is known: then they are asked. */
import { cardFoldersOf, cardQuestion, isAsleep, STATUS } from '../drm/cards';
import type { FileAnswers, FileQuestion } from '../kernelFiles';

/** Any call of nvidia-smi wakes a laptop's card for up to two minutes (5–25 W): these files don't. */
export const SLEEP_QUESTIONS: readonly FileQuestion[] = [
  cardQuestion('0x10de', ['power/control', STATUS]),
];

/** Every NVIDIA card there is; false where none is known. */
export function areAllAsleep(files: FileAnswers): boolean {
  const cards = cardFoldersOf(files);
  return cards.length > 0 && cards.every(isAsleep);
}

/** `on`: kept awake whatever happens. */
export function mayBePutToSleep(files: FileAnswers): boolean {
  return cardFoldersOf(files).some((card) => card.text('power/control') === 'auto');
}
