import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createKernelFileReader } from '../../../../src/app/gpus/kernelFileReader';
import { readMeminfo } from '../../../../src/gpu/kernelFiles';
import { openSystem } from '../../../../src/system/openSystem';
import { VirtualClock } from '../../../support/fakePorts';
import { memoryFiles } from '../../../support/memoryFiles';

const readerOf = (files: Record<string, string>) =>
  createKernelFileReader(memoryFiles(files), new VirtualClock());

describe('the reader of kernel files', () => {
  const cards = {
    '/sys/card0/vendor': '0x1\n',
    '/sys/card0/used': '7\n',
    '/sys/card0/hwmon/hwmon3/temp1_input': '41000\n',
    '/sys/card1/vendor': '0x1\n',
    '/sys/card1/status': 'suspended\n',
    '/sys/card1/used': '8\n',
    '/sys/card2/vendor': '0x2\n',
    '/sys/card2/used': '9\n',
    '/sys/card0-DP-1/vendor': '0x1\n',
    '/sys/card0-DP-1/used': '10\n',
  };
  const files = ['used', 'hwmon/hwmon*/temp1_input', 'missing'];
  const where = { file: 'vendor', says: '0x1' };
  const unless = { file: 'status', says: 'suspended' };

  it('reads files below folders that say the right thing, and no others', async () => {
    const reader = readerOf(cards);
    const keysOf = async (question: Parameters<typeof reader.read>[0][number]) =>
      [...(await reader.read([question])).keys()].sort();
    assert.deepEqual(await keysOf({ folders: '/sys/card*', where, unless, files }), [
      '/sys/card0/hwmon/hwmon3/temp1_input',
      '/sys/card0/used',
    ]);
    assert.deepEqual(await keysOf({ folders: '/sys/card*', where, files: ['used'] }), [
      '/sys/card0/used',
      '/sys/card1/used',
    ]);
    assert.deepEqual(await keysOf({ folders: '/nowhere/*', files }), []);
  });

  it('answers two who ask for the same file at once', async () => {
    const reader = readerOf(cards);
    const question = { folders: '/sys/card2', files: ['used'] };
    const both = await Promise.all([reader.read([question, question]), reader.read([question])]);
    for (const answers of both) assert.equal(answers.get('/sys/card2/used'), '9\n');
  });

  it('reads the descriptors that are open on a GPU, and whose they are', async () => {
    const table = memoryFiles({
      '/dev/dri/card0': '',
      '/dev/null': '',
      '/proc/12/comm': 'python3\n',
      '/proc/12/fdinfo/3': 'drm-driver:\tamdgpu\n',
      '/proc/12/fdinfo/4': 'pos:\t0\n',
      '/proc/13/comm': 'bash\n',
      '/proc/self/comm': 'self\n',
    });
    table.link('/proc/12/fd/3', '/dev/dri/card0');
    table.link('/proc/12/fd/4', '/dev/null');
    table.link('/proc/13/fd/0', '/dev/null');
    const reader = createKernelFileReader(table, new VirtualClock());
    const ask = async (pids: readonly number[] | null) =>
      [...(await reader.read([{ devices: '/dev/dri/', pids }])).keys()].sort();
    assert.deepEqual(await ask(null), ['/proc/12/comm', '/proc/12/fdinfo/3']);
    assert.deepEqual(await ask([13]), []);
    assert.deepEqual(await ask([99]), []);
  });

  (process.platform === 'linux' ? it : it.skip)('reads the real ones', async () => {
    const { files: real, clock } = openSystem();
    const reader = createKernelFileReader(real, clock);
    const memory = readMeminfo(await reader.read([{ folders: '/proc', files: ['meminfo'] }]));
    assert.ok((memory.totalBytes ?? 0) > 2 ** 26);
    assert.ok((memory.availableBytes ?? 0) <= (memory.totalBytes ?? 0));
    const processes = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
    const begin = performance.now();
    const cpu = process.cpuUsage();
    await reader.read([{ devices: '/dev/dri/', pids: null }]);
    const { user, system } = process.cpuUsage(cpu);
    console.log(
      `      a search through ${processes} processes: ${(performance.now() - begin).toFixed(1)} ms, ${((user + system) / 1000).toFixed(1)} ms of CPU`,
    );
  });
});
