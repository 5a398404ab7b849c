/** The GPUs view on two cards with company: what the rows say, what they offer, and what the hover adds. */
import assert from 'node:assert/strict';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { openFakeGpu, type FakeGpuState } from '../../support/fakeGpu.mjs';
import { startGpuCompany, type GpuCompany } from '../../support/gpuCompany.mjs';
import { writeModelFolder } from '../../support/modelFiles';
import { hasPage, onPage, type TreeRow } from '../../ui/onPage';
import { eventually } from '../eventually';
import { cardSeen } from '../extensionApi';
import { removeServers } from '../removeServers';
import { SMALL_MODEL } from '../standInModel';

const FOLDER = process.env.TEST_FOLDER ?? '';
/** No process has this number: above what Linux gives out. */
const NOBODY = 4_194_400;

describe('gpus', () => {
  const gpu = openFakeGpu(FOLDER);
  const original: Partial<FakeGpuState> = { processes: [], ...gpu.state() };
  let company: GpuCompany;
  let api: VramPilotApi;

  const rowWith = async (...parts: readonly string[]): Promise<TreeRow> => {
    let found: TreeRow | undefined;
    await eventually(
      async () => {
        const rows = await onPage.treeRows('GPUs');
        found = rows.find(({ text }) => parts.every((part) => text.includes(part)));
        return found !== undefined;
      },
      `a row with ${parts.join(', ')}`,
    );
    return found!;
  };

  before(async function () {
    if (!hasPage) this.skip();
    api = (await vscode.extensions
      .getExtension('vram-pilot.vram-pilot')!
      .activate()) as VramPilotApi;
    await removeServers(api);
    company = startGpuCompany(FOLDER);
    gpu.setState({
      gpus: [
        { ...original.gpus![0]!, usedMiB: 2048, temperatureC: 52, utilization: 7 },
        {
          name: 'NVIDIA RTX 6000 Ada Generation',
          totalMiB: 49140,
          usedMiB: 16384,
          temperatureC: 61,
          utilization: 98,
        },
      ],
      processes: [...company.rows, { pid: NOBODY, usedMiB: 1024, name: '[Not Found]', gpu: 1 }],
    });
    await onPage.openSideBar();
  });

  after(async () => {
    if (!hasPage) return;
    gpu.setState(original);
    company.end();
    await removeServers(api);
    await cardSeen(api);
  });

  it('begins each row with what it is, and the figure that matters', async () => {
    const first = await rowWith('RTX 4090', '2.0 of 24.0 GiB · 8 % · 52 °C');
    assert.match(first.text, /^0 RTX 4090 2\.0 of/);
    await rowWith('RTX 6000 Ada 16.0 of 48.0 GiB');
    await rowWith('612 MiB Xorg', 'display');
    await rowWith('3.0 GiB', 'notebook', `PID ${String(company.pidOf('kernel'))}`);
    await rowWith('9.6 GiB', 'other program');
  });

  it('names memory that no process here accounts for', async () => {
    await rowWith('1.4 GiB unseen');
    await rowWith('1.0 GiB', `PID ${String(NOBODY)}`);
  });

  it('stops a server from its row', async () => {
    const model = path.join(FOLDER, 'models', 'gpus-tiny');
    writeModelFolder(model, SMALL_MODEL);
    await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
    const result = await api.deploy({ model, options: { gpuMemoryUtilization: 0.7 } });
    assert.ok(result.ok, JSON.stringify(result));
    const phase = () => api.getState().servers.find(({ id }) => id === result.id)?.phase;
    await eventually(() => phase() === 'ready', 'ready');
    await rowWith('GiB gpus-tiny our server · VLLM::EngineCore');
    await onPage.treeAction('GPUs', 'our server', 'Stop Server');
    await eventually(() => phase() === 'ended', 'its end');
    await eventually(
      async () => !(await onPage.treeRows('GPUs')).some(({ text }) => text.includes('our server')),
      'no row of it',
    );
  });

  it('tells in the hover of the gauge who holds what on which card', async () => {
    const text = await onPage.gaugeHover();
    assert.match(text, /1 RTX 6000 Ada\s+16\.0 GiB\s+48\.0 GiB/);
    assert.match(text, /bash \(\d+\)/);
  });
});
