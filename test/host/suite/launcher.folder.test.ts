/** The fallback launcher by itself, and what reaches a process through either launcher. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Launcher, LaunchSpec } from '../../../src/app/ports';
import { fail, ok, type Result } from '../../../src/shared/failure';
import { TaskLauncher } from '../../../src/vscode/launching/taskLauncher';
import {
  launcherWithFallback,
  TerminalLauncher,
} from '../../../src/vscode/launching/terminalLauncher';
import { isAlive, readProcesses } from '../../support/processes.mjs';
import { removeServers } from '../removeServers';
import { eventually } from '../eventually';
import { apiWithVllm } from '../extensionApi';

const FOLDER = process.env.TEST_FOLDER ?? '';

/** Whatever a shell would touch. */
const ARGUMENTS = ['a b', `q"'$HOME`, '$(id -u)', '*', 'x;y|z&', 'back\\slash', '', 'ünïcödé'];

interface Heard {
  readonly pid: number;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly colour: string;
}

/** A program that writes down how it was called, waits until the file is gone, and ends with 7. */
function listener(launchId: string): { spec: LaunchSpec; file: string } {
  const file = path.join(FOLDER, `${launchId}.json`);
  const script = `
    const fs = require('node:fs');
    const [file, ...args] = process.argv.slice(1);
    const heard = { pid: process.pid, args, cwd: process.cwd(), colour: process.env.COLOUR_OF_TEST };
    fs.writeFileSync(file + '.new', JSON.stringify(heard));
    fs.renameSync(file + '.new', file);
    setInterval(() => fs.existsSync(file) || process.exit(7), 100);
    setTimeout(() => process.exit(8), 60000);`;
  const spec: LaunchSpec = {
    launchId,
    title: `Test: ${launchId}`,
    file: process.execPath,
    args: ['-e', script, file, ...ARGUMENTS],
    env: { ELECTRON_RUN_AS_NODE: '1', COLOUR_OF_TEST: 'blue; $(id)' },
    cwd: null,
  };
  return { spec, file };
}

async function heardBy(file: string): Promise<Heard> {
  await eventually(() => fs.existsSync(file), 'the program');
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Heard;
}

/** A launcher that answers what it is told to, and remembers what it was asked. */
function recordingLauncher(answer: Result<{ pid: number }>): Launcher & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    start: (spec) => {
      asked.push(`start ${spec.launchId}`);
      return Promise.resolve(answer);
    },
    reveal: (launchId) => {
      asked.push(`reveal ${launchId}`);
      return Promise.resolve(answer.ok);
    },
    listen: () => void asked.push('listen'),
  };
}

describe('launcher', () => {
  const terminals = new TerminalLauncher(os.homedir());
  const ends: (readonly [string, number | null])[] = [];
  terminals.listen({
    output: () => undefined,
    started: () => undefined,
    ended: (launchId, exitCode) => ends.push([launchId, exitCode]),
  });
  const exitOf = async (launchId: string) => {
    await eventually(() => ends.some(([id]) => id === launchId), 'the end');
    return ends.find(([id]) => id === launchId)?.[1];
  };

  after(() => {
    terminals.dispose();
    for (const terminal of vscode.window.terminals)
      if (terminal.name.startsWith('Test: ')) terminal.dispose();
  });

  it('hands arguments and environment to a terminal’s process exactly, and tells pid and exit code', async () => {
    const { spec, file } = listener('terminal');
    const started = await terminals.start(spec);
    assert.ok(started.ok, JSON.stringify(started));
    const heard = await heardBy(file);
    assert.deepEqual(heard.args, ARGUMENTS);
    assert.equal(heard.pid, started.value.pid);
    assert.equal(heard.colour, 'blue; $(id)');
    assert.equal(heard.cwd, vscode.workspace.workspaceFolders![0]!.uri.fsPath);
    assert.equal(await terminals.reveal('terminal'), true);
    assert.deepEqual(ends, [], 'it has not ended yet');

    fs.rmSync(file);
    assert.equal(await exitOf('terminal'), 7);
    assert.equal(isAlive(started.value.pid), false);
    assert.equal(await terminals.reveal('terminal'), false);
  });

  it('tells the end of a process whose terminal the user closes', async () => {
    const { spec, file } = listener('closed');
    const started = await terminals.start(spec);
    assert.ok(started.ok, JSON.stringify(started));
    await heardBy(file);
    vscode.window.terminals.find(({ name }) => name === spec.title)!.dispose();
    await exitOf('closed');
    await eventually(() => !isAlive(started.value.pid), 'the process gone');
  });

  it('hands arguments to a task’s process exactly', async () => {
    const api = await apiWithVllm();
    const names = ARGUMENTS.filter((text) => text !== '');
    const result = await api.deploy(
      {
        model: path.join(FOLDER, 'models/no such model'),
        extraArguments: ['--served-model-name', ...names],
      },
      { force: true },
    );
    assert.ok(result.ok, JSON.stringify(result));
    const server = () => api.getState().servers.find(({ id }) => id === result.id)!;
    await eventually(() => server().record !== null, 'its process');
    const { pid } = server().record!.main;
    const line = fs.readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0');
    const at = line.lastIndexOf('--served-model-name');
    assert.deepEqual(line.slice(at + 1, at + 1 + names.length), names);
    assert.ok((await api.stop(result.id, { force: true })).ok);
    // other suites look at the list and at the card next
    await removeServers(api);
    await vscode.commands.executeCommand('vramPilot.refresh');
  });

  it('ends what VS Code starts anew in place of a process that it should hand back', async () => {
    const { spec, file } = listener('anew');
    const quiet = { debug: () => undefined, info: () => undefined, error: () => undefined };
    const warnings: string[] = [];
    const log = { ...quiet, warn: (_room: string, what: string) => void warnings.push(what) };
    const gone = 4_194_303;
    const runningLaunch = () => Promise.resolve({ spec, pid: gone });
    const tasks = new TaskLauncher(log, runningLaunch, os.homedir());
    const told: string[] = [];
    tasks.listen({
      output: () => undefined,
      started: () => void told.push('started'),
      ended: () => void told.push('ended'),
    });
    try {
      const asked = new vscode.Task(
        { type: 'vramPilot', launchId: spec.launchId },
        vscode.TaskScope.Workspace,
        spec.title,
        'VRAM Pilot',
      );
      const answered = await tasks.findAgain(asked);
      assert.ok(answered);
      await vscode.tasks.executeTask(answered);
      await eventually(() => warnings.length > 0, 'the start noticed');
      const running = () =>
        readProcesses().some(({ command, state }) => state !== 'Z' && command.includes(file));
      await eventually(() => !running(), 'its end');
      assert.deepEqual(told, [], 'and nobody took it for the launch');
    } finally {
      tasks.dispose();
    }
  });

  describe('with a fallback', () => {
    const { spec } = listener('either');

    it('takes the second only where the first is not supported', async () => {
      const refusals = ['notTrusted', 'toolMissing', 'timedOut', 'failed', 'cancelled'] as const;
      for (const reason of refusals) {
        const first = recordingLauncher(fail(reason, 'no'));
        const second = recordingLauncher(ok({ pid: 2 }));
        assert.deepEqual(
          await launcherWithFallback(first, second).start(spec),
          fail(reason, 'no'),
          reason,
        );
        assert.deepEqual(second.asked, [], reason);
      }
      const second = recordingLauncher(ok({ pid: 2 }));
      const started = await launcherWithFallback(
        recordingLauncher(fail('notSupported', 'no tasks here')),
        second,
      ).start(spec);
      assert.deepEqual(started, ok({ pid: 2 }));
      assert.deepEqual(second.asked, ['start either']);
    });

    it('leaves the second alone where the first has started it', async () => {
      const first = recordingLauncher(ok({ pid: 1 }));
      const second = recordingLauncher(ok({ pid: 2 }));
      const both = launcherWithFallback(first, second);
      assert.deepEqual(await both.start(spec), ok({ pid: 1 }));
      assert.equal(await both.reveal('either'), true);
      assert.deepEqual(first.asked, ['start either', 'reveal either']);
      assert.deepEqual(second.asked, []);
    });

    it('listens to both, and reveals the terminal of whichever has it', async () => {
      const first = recordingLauncher(fail('notSupported', 'no tasks here'));
      const second = recordingLauncher(ok({ pid: 2 }));
      const both = launcherWithFallback(first, second);
      both.listen({ output: () => undefined, started: () => undefined, ended: () => undefined });
      assert.equal(await both.reveal('either'), true);
      assert.deepEqual(first.asked, ['listen', 'reveal either']);
      assert.deepEqual(second.asked, ['listen', 'reveal either']);
    });

    it('really starts a process in the terminal', async () => {
      const { spec: own, file } = listener('fallback');
      const first = recordingLauncher(fail('notSupported', 'no tasks here'));
      const started = await launcherWithFallback(first, terminals).start(own);
      assert.ok(started.ok, JSON.stringify(started));
      assert.equal((await heardBy(file)).pid, started.value.pid);
      fs.rmSync(file);
      assert.equal(await exitOf('fallback'), 7);
    });
  });
});
