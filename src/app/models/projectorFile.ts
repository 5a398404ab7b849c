/** The vision or audio projector that comes as a file of its own beside a .gguf model (`mmproj-….gguf`). */
import type { Files } from '../ports';
import { parentAndName, readGgufFile } from './modelFiles';

export interface ProjectorFile {
  readonly name: string;
  /** All its tensors; they go to the first GPU beside the model. */
  readonly bytes: number;
}

const isProjector = (name: string): boolean => /mmproj.*\.gguf$/i.test(name);

/** Where a folder has several, they are the same projector in different types: llama.cpp's own download takes 16 bits. */
const PREFERRED = [/f16/i, /q8_0/i, /f32/i];

/** null: there is none, or it can't be read. */
export async function projectorBeside(files: Files, path: string): Promise<ProjectorFile | null> {
  const [folder, model] = parentAndName(path);
  if (isProjector(model)) return null;
  const found = (await files.list(folder)).filter(isProjector).sort();
  const name =
    PREFERRED.map((type) => found.find((one) => type.test(one))).find(Boolean) ?? found[0];
  if (name === undefined) return null;
  const header = await readGgufFile(files, files.join(folder, name));
  if (!header.ok) return null;
  return { name, bytes: header.value.tensors.reduce((sum, { bytes }) => sum + bytes, 0) };
}
