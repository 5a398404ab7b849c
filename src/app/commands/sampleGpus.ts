/** One look at the GPUs of this machine, without a state to keep: the first source whose tool is there answers. */
import type { GpuSample, ToolOutput } from '../../gpu/gpu';
import type { GpuSource } from '../../gpu/source';
import { GPU_SOURCES } from '../../gpu/sources';
import type { Exec } from '../ports';

/** A tool that refuses a field is asked again without it; sources bound that themselves, this is the last resort. */
const MAX_ATTEMPTS = 8;

/** null: no GPU tool is installed. A tool that fails is a problem of the sample. */
export async function sampleGpus(exec: Exec): Promise<GpuSample | null> {
  for (const source of GPU_SOURCES) {
    for (const name of source.executables) {
      const executable = await exec.find(name);
      if (executable !== null) return look(exec, source, executable);
    }
  }
  return null;
}

async function look(exec: Exec, source: GpuSource, executable: string): Promise<GpuSample> {
  let state = source.start(executable);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outputs: ToolOutput[] = [];
    for (const call of source.calls(state, { processes: true })) {
      const result = await exec.run(call);
      if (!result.ok)
        return failed(
          result.failure.reason === 'timedOut' ? 'timeout' : 'tool_failed',
          result.failure.detail,
        );
      outputs.push(result.value);
    }
    const reading = source.read(state, outputs);
    if (!reading.retry) return reading.sample;
    state = reading.state;
  }
  return failed('tool_failed', `${source.label} refuses every set of fields.`);
}

const failed = (id: string, text: string): GpuSample => ({
  gpus: [],
  processes: [],
  problems: [{ id, text }],
});
