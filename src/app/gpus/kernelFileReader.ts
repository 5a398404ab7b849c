/** Answers a source's questions to the kernel's files. A file that hangs (some AMD drivers) holds nothing up for long. */
import type {
  DescriptorQuestion,
  FileAnswers,
  FileQuestion,
  FileSays,
  FolderQuestion,
} from '../../gpu/kernelFiles';
import type { Clock, Files } from '../ports';

const MAX_FILE_BYTES = 64 * 1024;
const TIMEOUT_MS = 3_000;

export interface KernelFileReader {
  /** What was read within three seconds; missing and unreadable files are left out. */
  read(questions: readonly FileQuestion[]): Promise<FileAnswers>;
}

export function createKernelFileReader(files: Files, clock: Clock): KernelFileReader {
  /** Several sources ask for the same file at once. */
  const underWay = new Map<string, Promise<string | null>>();
  /** Not ended in time: asked again, each would hold one more of the host's few threads for reading. */
  const hung = new Set<string>();

  function readText(path: string): Promise<string | null> {
    if (hung.has(path)) return Promise.resolve(null);
    const before = underWay.get(path);
    if (before) return before;
    const text = files
      .readText(path, MAX_FILE_BYTES)
      .then((result) => (result.ok ? result.value : null))
      .finally(() => {
        underWay.delete(path);
        hung.delete(path);
      });
    underWay.set(path, text);
    return text;
  }

  async function readInto(answers: Map<string, string>, paths: readonly string[]): Promise<void> {
    await Promise.all(
      paths.map(async (path) => {
        const text = await readText(path);
        if (text !== null) answers.set(path, text);
      }),
    );
  }

  async function expand(pattern: string): Promise<readonly string[]> {
    let paths = [''];
    for (const name of pattern.split('/').slice(1)) {
      if (!name.includes('*')) paths = paths.map((path) => `${path}/${name}`);
      else {
        const names = namesLike(name);
        const lists = await Promise.all(
          paths.map(async (path) =>
            (await files.list(path))
              .filter((each) => names.test(each))
              .map((each) => `${path}/${each}`),
          ),
        );
        paths = lists.flat();
      }
    }
    return paths;
  }

  async function says(folder: string, { file, says: words }: FileSays): Promise<boolean> {
    return (await readText(`${folder}/${file}`))?.trim() === words;
  }

  async function askFolders(question: FolderQuestion, answers: Map<string, string>): Promise<void> {
    await Promise.all(
      (await expand(question.folders)).map(async (folder) => {
        if (question.where && !(await says(folder, question.where))) return;
        if (question.unless && (await says(folder, question.unless))) return;
        const paths = await Promise.all(question.files.map((file) => expand(`${folder}/${file}`)));
        await readInto(answers, paths.flat());
      }),
    );
  }

  /** One process after the other: hundreds of them at once would take all threads for reading. */
  async function askDescriptors(
    question: DescriptorQuestion,
    answers: Map<string, string>,
  ): Promise<void> {
    const pids =
      question.pids?.map(String) ??
      (await files.list('/proc')).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      const descriptors = await files.list(`/proc/${pid}/fd`);
      const targets = await Promise.all(
        descriptors.map((descriptor) => files.realPath(`/proc/${pid}/fd/${descriptor}`)),
      );
      const open = descriptors.filter((_, at) => targets[at]?.startsWith(question.devices));
      if (open.length === 0) continue;
      await readInto(answers, [
        `/proc/${pid}/comm`,
        ...open.map((descriptor) => `/proc/${pid}/fdinfo/${descriptor}`),
      ]);
    }
  }

  return {
    async read(questions) {
      if (questions.length === 0) return new Map();
      const answers = new Map<string, string>();
      const over = new AbortController();
      const asked = Promise.all(
        questions.map((question) =>
          'devices' in question ? askDescriptors(question, answers) : askFolders(question, answers),
        ),
      );
      const late = clock.sleep(TIMEOUT_MS, over.signal).then(() => 'late' as const);
      if ((await Promise.race([asked, late])) === 'late')
        for (const path of underWay.keys()) hung.add(path);
      over.abort();
      // what comes later is of another moment
      return new Map(answers);
    },
  };
}

function namesLike(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[\\w.:@]*')}$`);
}
