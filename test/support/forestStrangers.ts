/** Scenarios of processForest.ts about whom no record knows: look-alikes, other people, other places, and what only seems left over. */
import { OTHER_USER, VENV_PYTHON, type Scenario } from './forestGrower';

export const STRANGERS: Readonly<Record<string, Scenario>> = {
  lookAlikes: (g) => {
    const shell = g.shell();
    for (const args of [
      ['grep', '-r', 'VLLM::EngineCore'],
      ['tail', '-f', 'VLLM::EngineCore.log'],
      ['vim', 'VLLM::Worker_TP0'],
      [VENV_PYTHON, 'VLLM::EngineCore.py'],
      ['bash', '-c', 'vllm serve x'],
      ['/home/me/VLLM::EngineCore', '--help'],
      ['my-VLLM::EngineCore'],
      ['vllm::enginecore'],
      ['VLLM::EngineCoreX'],
      ['ollama', 'run', 'llama3'],
      ['/usr/bin/llama-server', '-m', '/m/blobs/sha256-1'],
    ]) {
      const process = g.child(shell, {
        args,
        ...(g.chance(0.2) ? { comm: 'VLLM::EngineCor' } : {}),
      });
      g.hold(process);
      if (g.chance(0.5)) g.forest.table.processes.set(process.pid, { ...process, ppid: 1 });
    }
  },
  notebook: (g) => {
    const jupyter = g.main(['/v/bin/python', '/v/bin/jupyter-lab'], 'jupyter-lab');
    const pid = g.pid();
    const kernel = g.child(jupyter, {
      pid,
      pgid: pid,
      sid: pid,
      args: ['/v/bin/python', '-m', 'ipykernel_launcher', '-f', 'k.json'],
      comm: 'python',
    });
    g.hold(kernel);
    const server = g.engineBelow(kernel);
    if (g.chance(0.7)) return;
    g.kill(kernel);
    g.forest.gpu.splice(
      g.forest.gpu.findIndex((row) => row.pid === kernel.pid),
      1,
    );
    g.orphan(server.engine, ...server.workers);
  },
  ray: (g) => {
    const raylet = g.add({ args: ['/v/ray/raylet', '--x'], comm: 'raylet' });
    const pid = g.pid();
    const worker = g.child(raylet, {
      pid,
      pgid: pid,
      sid: pid,
      args: ['ray::RayWorkerWrapper.execute_method'],
      comm: 'ray::RayWorkerW',
    });
    g.hold(worker);
    if (g.chance(0.5)) g.engineBelow(worker);
  },
  otherUser: (g) => {
    const server = g.vllm(OTHER_USER);
    if (g.chance(0.7)) g.kill(server.main);
  },
  container: (g) => {
    const inside = g.chance(0.5)
      ? { sameNamespace: false, containerId: 'c'.repeat(64) }
      : { containerId: 'd'.repeat(64) };
    const server = g.vllm(inside);
    if (g.chance(0.7)) g.kill(server.main);
  },
  zombie: (g) => {
    const server = g.vllm();
    g.forest.table.end(server.engine.pid, true);
    for (const { pid } of server.workers) g.forest.table.end(pid, true);
  },
  ollama: (g) => {
    const serve = g.main(['/usr/local/bin/ollama', 'serve'], 'ollama');
    const runner = g.child(
      serve,
      g.chance(0.5)
        ? {
            args: ['/usr/local/bin/ollama', 'runner', '--model', '/m/blobs/sha256-1'],
            comm: 'ollama',
          }
        : {
            args: [
              '/usr/local/lib/ollama/llama-server',
              '--model',
              '/m/blobs/sha256-1',
              '--no-webui',
            ],
            comm: 'llama-server',
          },
    );
    g.hold(runner);
    if (g.chance(0.5)) return;
    g.kill(serve);
    g.orphan(runner);
  },
  ownLlamaServer: (g) => {
    const pid = g.pid();
    g.hold(
      g.add({
        pid,
        ppid: 1,
        pgid: pid,
        sid: pid,
        args: ['/home/me/llama.cpp/llama-server', '-m', 'x.gguf'],
        comm: 'llama-server',
      }),
    );
  },
  display: (g) =>
    g.hold(g.add({ args: ['/usr/lib/xorg/Xorg', ':0'], comm: 'Xorg', uid: 0, user: 'root' })),
  editorGpu: (g) =>
    g.hold(g.add({ ppid: 30, args: ['/opt/code/code', '--type=gpu-process'], comm: 'code' })),
  deadPid: (g) =>
    void g.forest.gpu.push({ pid: g.pid(), usedBytes: 2 ** 30, name: null, gpus: [0] }),
  unknownFrontEnd: (g) => {
    const front = g.main(['/opt/vllm-rs/frontend'], 'frontend');
    const server = g.engineBelow(front);
    if (g.chance(0.5)) return;
    // A front end of unknown make that gives its engine a session of its own.
    const { pid } = server.engine;
    for (const process of [server.engine, ...server.workers])
      g.forest.table.processes.set(process.pid, { ...process, pgid: pid, sid: pid });
  },
  /** It let a helper make its engine, which is gone; it serves, and once it is gone, too, the engine is left over. */
  frontEndBeside: (g) => {
    const front = g.main(['/opt/gateway/serve'], 'serve');
    g.forest.table.ports.set(front.pid, [9000]);
    const helper = g.child(front, { args: [VENV_PYTHON, 'make_engine.py'], comm: 'python' });
    const server = g.engineBelow(helper);
    g.kill(helper);
    if (g.chance(0.5)) return;
    g.kill(front);
    g.orphan(server.engine, ...server.workers);
  },
  /** `vllm serve … | tee log`: the pipe's other end lives a moment longer, or for good. */
  pipedToFile: (g) => {
    const server = g.vllm();
    g.child(server.main, { ppid: server.main.ppid, args: ['tee', 'vllm.log'], comm: 'tee' });
    g.kill(server.main);
    g.orphan(server.engine, ...server.workers);
  },
  /** Detached on purpose by somebody unknown: no server gives its engine a group or session of its own. */
  detached: (g) => {
    const pid = g.pid();
    const ppid = g.reaper();
    const own = { pid, ppid, pgid: pid, sid: g.chance(0.5) ? pid : 1 };
    const engine = g.add({ ...own, args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor' });
    g.hold(engine);
    const rank = { args: ['VLLM::Worker_TP0'], comm: 'VLLM::Worker_TP' };
    if (g.chance(0.5)) g.hold(g.child(engine, rank));
  },
  /** Under tmux or screen, in a window of its own: below their server stands the program itself, no shell. */
  multiplexer: (g) => {
    const words = [VENV_PYTHON, '/v/bin/vllm', 'serve', 'm'];
    const top = g.pid();
    const args = g.pick([
      ['tmux', 'new', '-d', ...words],
      ['SCREEN', '-dmS', 'x', ...words],
    ]);
    const comm = args[0] === 'tmux' ? 'tmux: server' : 'screen';
    const multiplexer = g.add({ pid: top, ppid: 1, pgid: top, sid: top, args, comm });
    const pid = g.pid();
    const server = g.engineBelow(
      g.child(multiplexer, { pid, pgid: pid, sid: pid, args: words, comm: 'vllm' }),
    );
    if (g.chance(0.4)) return;
    g.kill(server.main);
    g.orphan(server.engine, ...server.workers);
  },
  /** A title is words: another user, or a program that acts for another one (setuid), may set it, too. */
  imitation: (g) => {
    const ids = g.pick([OTHER_USER, { uid: null, user: null }, { uid: 0, user: 'root' }] as const);
    if (ids.uid === g.me) return;
    g.hold(g.add({ ...ids, ppid: g.reaper(), args: ['VLLM::EngineCore'], comm: 'sleep' }));
  },
  /** vLLM inside a notebook or a script under a debugger, made by a helper of the kernel. */
  deepInNotebook: (g) => {
    const pid = g.pid();
    const kernel = g.add({
      pid,
      ppid: 30,
      pgid: pid,
      sid: pid,
      args: g.pick([
        ['/v/bin/python', '-m', 'ipykernel_launcher', '-f', 'k.json'],
        ['/v/bin/python', '/x/debugpy/launcher/../../debugpy', '--connect', '1', 'llm.py'],
      ]),
      comm: 'python',
    });
    const pool = g.child(kernel, { args: [VENV_PYTHON, '-m', 'loky'], comm: 'python' });
    const server = g.engineBelow(pool);
    // the helper is gone, its engine with the reaper; the kernel lives in the same group
    if (g.chance(0.5)) g.kill(server.main);
  },
  coincidence: (g) => {
    // In a container the GPU tool may print a pid of the host that here is somebody harmless.
    if (!g.forest.table.selfFacts.inContainer) return;
    const process = g.add({ args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor', ppid: 1 });
    g.hold(process);
    g.forest.table.gpuHolders.set(process.pid, false);
  },
};
