import assert from 'node:assert/strict';
import { classifyHolders } from '../../../src/processes/holders';
import type { Holder, ProcessInfo } from '../../../src/processes/process';
import { FakeProcessTable } from '../../support/fakeProcessTable';

type Row = Partial<ProcessInfo> & Pick<ProcessInfo, 'pid'>;

/** What is said of the last of these, a holder of the given type. */
function judge(rows: readonly Row[], type?: string): Holder {
  const table = new FakeProcessTable();
  for (const row of rows) table.add(row);
  const pid = rows.at(-1)?.pid ?? 0;
  const [holder] = classifyHolders({
    gpuProcesses: [
      { pid, usedBytes: 1024, name: 'x', gpus: [0], ...(type === undefined ? {} : { type }) },
    ],
    table: [...table.processes.values()],
    launches: [],
    self: table.selfFacts,
    nowMs: table.clock.now(),
  });
  return holder!;
}

const program = (command: string, more: Partial<ProcessInfo> = {}): Row => {
  const args = command.split(' ');
  const comm = args[0]?.split('/').at(-1)?.slice(0, 15) ?? '';
  return { pid: 200, comm, args, ...more };
};

describe('holders that others started', () => {
  const remedies: readonly (readonly [string, readonly Row[], RegExp])[] = [
    ['LM Studio', [program('/opt/lm-studio/lm-studio --type=utility')], /^Eject.*`lms unload/],
    ['a runtime of LM Studio', [program('/home/u/.lmstudio/.internal/utils/node x.js')], /^Eject/],
    ['ComfyUI', [program('python /home/u/ComfyUI/main.py --listen')], /ComfyUI/],
    ['a scheduler of SGLang', [program('sglang::scheduler_TP0')], /SGLang server/],
    ['SGLang', [program('python3 -m sglang.launch_server --model m')], /SGLang server/],
    [
      'a shard of TGI',
      [program('/opt/conda/bin/python3.11 /opt/conda/bin/text-generation-server serve m')],
      /text-generation-launcher/,
    ],
    [
      'a rank of torchrun',
      [
        program('/v/bin/python /v/bin/torchrun --nproc_per_node=2 t.py', { pid: 100 }),
        program('/v/bin/python -u t.py', { ppid: 100 }),
      ],
      /torchrun/,
    ],
    ['a vLLM server', [program('/v/bin/python /v/bin/vllm serve m')], /^Adopt it/],
    [
      'a runner of Ollama',
      [
        program('/usr/bin/ollama serve', { pid: 100 }),
        program('/usr/bin/ollama runner --model /m', { ppid: 100, pgid: 100 }),
      ],
      /`ollama stop NAME`/,
    ],
    [
      'an engine whose server is alive',
      [
        program('/v/bin/python /v/bin/vllm serve m', { pid: 100, comm: 'vllm' }),
        program('VLLM::EngineCore', { ppid: 100, pgid: 100 }),
      ],
      /^Stop vllm 100: this process goes with it/,
    ],
    ['anything else', [program('/usr/bin/blender')], /^Stop it where it was started/],
  ];
  for (const [what, rows, remedy] of remedies)
    it(`have a remedy of their own: ${what}`, () => {
      const holder = judge(rows);
      assert.match(holder.remedy, remedy);
      assert.deepEqual([holder.class, holder.canEnd], ['stranger', false]);
    });

  it('leave a runner of the service to whoever may ask Ollama', () => {
    const holder = judge([
      program('/usr/bin/ollama runner --model /m', { uid: 998, user: 'ollama' }),
    ]);
    assert.equal(holder.class, 'otherUser');
    assert.match(holder.remedy, /`ollama stop NAME`/);
  });

  it('draw the screen where the tool says so, whosever they are', () => {
    for (const more of [{}, { uid: 0, user: 'root' }]) {
      const holder = judge([program('/usr/bin/nautilus', more)], 'G');
      assert.deepEqual([holder.class, holder.canEnd], ['display', false]);
      assert.match(holder.reason, /nautilus draws/);
    }
    assert.equal(judge([program('/usr/bin/nautilus')], 'C+G').class, 'stranger');
    assert.equal(judge([program('/opt/llama.cpp/llama-server -m x.gguf')], 'G').class, 'stranger');
    assert.equal(judge([program('python3 train.py')], 'G').class, 'stranger');
  });

  const LOOKS: readonly (readonly [Holder['class'], string])[] = [
    ['display', '/usr/lib/firefox/firefox'],
    ['display', '/usr/bin/niri'],
    ['display', '/usr/bin/gamescope-wl'],
    ['display', '/usr/lib/xorg/Xorg.bin'],
    ['notebook', '/v/bin/python /v/bin/ipython'],
    ['notebook', '/v/bin/python /opt/pycharm/plugins/python/helpers/pydev/pydevconsole.py'],
    ['notebook', '/usr/lib/R/bin/exec/R --slave -e IRkernel::main()'],
    ['notebook', 'julia /home/u/.julia/packages/IJulia/src/kernel.jl /run/kernel.json'],
    ['stranger', '/v/bin/python /home/u/firefox/train.py'],
    ['stranger', '/v/bin/python /data/pdb/fold.py'],
  ];
  for (const [kind, command] of LOOKS)
    it(`are told by their look: ${command}`, () => {
      assert.equal(judge([program(command)]).class, kind);
    });
});
