/** `maxModelLen` → `--max-model-len`. */
export const flagOfOption = (key: string): string =>
  `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
