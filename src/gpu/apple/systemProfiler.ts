/** Reads `system_profiler [-json] SPDisplaysDataType`: names and cores; memory only of cards with their own. */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { listOf, numberOf, readJsonText, recordOf, textOf } from '../jsonText';
import { firstLine } from '../values';
import { parseSize } from '../../shared/units';

/** null: this is no list of displays. `_name` is a code name ("kHW_AppleM1Item"), the model is elsewhere. */
export function readSystemProfiler(text: string): Gpu[] | null {
  const displays = recordOf(readJsonText(text)).SPDisplaysDataType ?? readSections(text);
  if (!Array.isArray(displays)) return null;
  return listOf(displays).map((each, index) => {
    const display = recordOf(each);
    const cores = numberOf(display.sppci_cores);
    const vram = textOf(display.spdisplays_vram);
    return {
      ...completeGpu(index, {
        name: textOf(display.sppci_model),
        // macOS writes GB for 2^30
        totalBytes: vram === null ? null : parseSize(vram.replace(/([GM])B$/, '$1iB')),
        memory: vram === null ? 'unified' : 'dedicated',
      }),
      ...(cores === null || cores < 1 || cores > 9999 ? {} : { cores }),
    };
  });
}

/** The same words as without `-json`: a section for each GPU, whose first fact is its model. */
function readSections(text: string): unknown {
  const [, ...sections] = text.split(/^[ \t]*Chipset Model: /m);
  if (sections.length === 0) return null;
  const fact = (section: string, name: RegExp) =>
    new RegExp(`^[ \\t]*${name.source}: (.*)$`, 'm').exec(section)?.[1];
  return sections.map((section) => ({
    sppci_model: firstLine(section),
    sppci_cores: fact(section, /Total Number of Cores/),
    // one that is "Dynamic" or "Shared" is the system's
    spdisplays_vram: fact(section, /VRAM \(Total\)/),
  }));
}
