import assert from 'node:assert/strict';
import { readRecordedLaunches } from '../../../../src/app/servers/recordedLaunches';
import { memoryFiles } from '../../../support/memoryFiles';

const launch = (launchId: string, more: object = {}) =>
  JSON.stringify({
    version: 1,
    id: launchId,
    origin: 'started',
    record: {
      launchId,
      engine: 'vllm',
      main: { pid: 100, startTime: '7', bootId: 'b' },
      pgid: 100,
      sid: 100,
      port: 8000,
      seen: [],
    },
    ...more,
  });

describe('readRecordedLaunches', () => {
  const inEditor = '.config/Code/User/globalStorage/vram-pilot.vram-pilot/launches';

  it('finds launches where editors keep them, and skips what it does not understand', async () => {
    const empty = memoryFiles({});
    const home = empty.homeFolder();
    const at = (...parts: string[]) => empty.join(home, ...parts);
    const files = memoryFiles({
      [at(inEditor, 'A.json')]: launch('A'),
      [at(inEditor, 'B.json')]: launch('B', { origin: 'adopted' }),
      [at(inEditor, 'C.json')]: launch('C', { version: 2 }),
      [at(inEditor, 'D.json')]: '{',
      [at(inEditor, 'E.json')]: launch('E', { record: null }),
      [at(inEditor, 'F.json.unreadable')]: launch('F'),
      [at(inEditor.replace('.config/Code', '.vscode-server/data'), 'G.json')]: launch('G'),
    });
    const found = await readRecordedLaunches(files, {});
    assert.deepEqual(
      found?.map(({ record, origin }) => [record.launchId, origin]),
      [
        ['A', 'ours'],
        ['B', 'adopted'],
        ['G', 'ours'],
      ],
    );
  });

  it('reads only the folder that is named', async () => {
    const files = memoryFiles({
      [`/s/launches/A.json`]: launch('A'),
      [`${memoryFiles({}).homeFolder()}/${inEditor}/B.json`]: launch('B'),
    });
    const found = await readRecordedLaunches(files, { VRAM_PILOT_STORAGE: '/s' });
    assert.deepEqual(
      found?.map(({ record }) => record.launchId),
      ['A'],
    );
  });

  it('says when there is none', async () => {
    assert.equal(await readRecordedLaunches(memoryFiles({}), {}), null);
  });
});
