/** How programs that hold models give their memory back: kinder and surer than ending them. */
import type { ProcessInfo } from './process';
import { roleOf } from './role';
import { ancestorsOf, type ProcessIndex } from './tree';

/** Sought in command lines, first match. */
const PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\blm[- ]?studio\b|\.lmstudio\b/i, 'Eject its model in LM Studio, or `lms unload --all`.'],
  [/\bcomfyui\b/i, 'Unload its models in ComfyUI, or stop it there.'],
  [/^sglang::|\bsglang(\.launch_server| serve)\b/, 'Stop its SGLang server: this goes with it.'],
  [/\btext-generation-(server|launcher)\b/, 'Stop its launcher, text-generation-launcher.'],
  [/\btorchrun\b|\btorch\.distributed\./, 'Stop its torchrun: the other ranks wait for this one.'],
];

/** By the program or by one above it that made it; null: nothing better is known than to stop it. */
export function adviceFor(process: ProcessInfo, index: ProcessIndex): string | null {
  const role = roleOf(process);
  if (role === 'ollamaRunner' || role === 'ollamaServer')
    return 'Unload its model with `ollama stop NAME` (`ollama ps` names it), or wait for its keep-alive to end.';
  if (role === 'vllmServer')
    return 'Adopt it in the Servers view to stop it from there, or stop it where it was started.';
  for (const each of [process, ...ancestorsOf(index, process)]) {
    const command = each.args.join(' ');
    const known = PROGRAMS.find(([pattern]) => pattern.test(command));
    if (known) return known[1];
  }
  return null;
}

/** Programs that compute by way of Vulkan are listed under graphics, too. */
const MODEL_PROGRAM = /llama|kobold|whisper|diffusion|mlc|lm-?studio/i;

/** What the GPU tool lists under graphics alone, and is no program that runs models there. */
export function onlyDraws(process: ProcessInfo, type: string | undefined): boolean {
  return (
    type === 'G' &&
    roleOf(process) === 'other' &&
    !MODEL_PROGRAM.test(`${process.comm} ${process.args[0] ?? ''}`)
  );
}
