import assert from 'node:assert/strict';
import { parseCim, splitCommandLine } from '../../../src/system/cimText';
import { openWindowsProcessTable } from '../../../src/system/windowsProcessTable';

const ANSWER = JSON.stringify({
  boot: '638991000000000000',
  rows: [
    {
      pid: 4,
      ppid: 0,
      name: 'System',
      command: null,
      file: null,
      created: '638991000000000000',
    },
    {
      pid: 9000,
      ppid: 4,
      name: 'ollama.exe',
      command: '"C:\\Users\\Anna B\\ollama.exe" serve',
      file: 'C:\\Users\\Anna B\\ollama.exe',
      // DateTime(2000, 1, 1).Ticks
      created: '630822816000000000',
    },
  ],
});

describe('parseCim', () => {
  it('reads processes with their start', () => {
    const table = parseCim(ANSWER);
    assert.equal(table?.bootId, '638991000000000000');
    const [, ollama] = table.rows;
    assert.deepEqual(ollama?.args, ['C:\\Users\\Anna B\\ollama.exe', 'serve']);
    assert.equal(new Date(ollama.startedAtMs).toISOString(), '2000-01-01T00:00:00.000Z');
  });

  it('refuses what is no such answer', () => {
    for (const text of [
      '',
      'Get-CimInstance : Access denied',
      '[]',
      '{"boot":"1","rows":[{"pid":"x"}]}',
    ])
      assert.equal(parseCim(text), null);
  });
});

describe('splitCommandLine', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a b\tc', ['a', 'b', 'c']],
    ['"a b" c', ['a b', 'c']],
    ['"C:\\x y\\" d', ['C:\\x y" d']],
    ['"C:\\x y\\\\" d', ['C:\\x y\\', 'd']],
    ['a\\b "" \\"q\\"', ['a\\b', '', '"q"']],
    ['', []],
  ];
  for (const [line, args] of cases)
    it(`parts ${JSON.stringify(line)}`, () => assert.deepEqual(splitCommandLine(line), args));
});

describe('windowsProcessTable', () => {
  it('shows processes, asks once for many questions, and signals nobody', async () => {
    let asked = 0;
    const table = openWindowsProcessTable(() => {
      asked += 1;
      return Promise.resolve(ANSWER);
    });
    const [all, family] = [await table.all(), await table.withAncestors([9000])];
    assert.deepEqual([all.length, family.map(({ pid }) => pid)], [2, [9000, 4]]);
    assert.equal(asked, 1);
    assert.equal(await table.signal(family[0]!, 'SIGTERM'), 'refused');
    assert.equal((await table.self()).system, 'windows');
  });

  it('sees nobody where PowerShell does not answer', async () => {
    assert.deepEqual(await openWindowsProcessTable(() => Promise.resolve('')).all(), []);
  });
});
