/** Which tools' recorded outputs can be read, for `gpus --from FILE --tool NAME`. A new GPU tool is one more row. */
import type { GpuSample } from './gpu';
import { detectFormat, readNvidiaOutput } from './nvidia/output';

interface RecordedTool {
  readonly names: readonly string[];
  recognizes(text: string): boolean;
  read(text: string): GpuSample;
}

const TOOLS: readonly RecordedTool[] = [
  {
    names: ['nvidia-smi', 'tegrastats'],
    recognizes: (text) => detectFormat(text) !== null,
    read: readNvidiaOutput,
  },
];

/** Values that `readRecorded` takes beside `auto`. */
export const RECORDED_TOOLS: readonly string[] = TOOLS.flatMap((tool) => tool.names);

/** `auto` goes by the text alone. null: no such tool. Unreadable text is a problem of the sample, never a throw. */
export function readRecorded(text: string, tool: string): GpuSample | null {
  if (tool !== 'auto') return TOOLS.find((row) => row.names.includes(tool))?.read(text) ?? null;
  const found = TOOLS.find((row) => row.recognizes(text));
  const line = /\S[^\r\n]*/.exec(text)?.[0].slice(0, 120);
  return (
    found?.read(text) ?? {
      gpus: [],
      processes: [],
      problems: [
        {
          id: 'bad_output',
          text:
            line === undefined
              ? 'The output is empty.'
              : `This is no output of a GPU tool that can be read: ${line}`,
        },
      ],
    }
  );
}
