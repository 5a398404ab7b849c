import assert from 'node:assert/strict';
import { parseLsofPorts, parsePs, parsePsCommands } from '../../../src/system/psText';

/** As macOS 15 prints it: session as an address, names with blanks, states of several letters. */
const MAC = `
    1     0     1      0     0 root             Ss   Thu Nov 19 08:00:03 2026     /sbin/launchd
  612     1   612      0   501 anna             S    Thu Nov 19 08:01:10 2026     /Applications/Visual Studio Code.app/Contents/Frameworks/Code Helper (Plugin).app/Contents/MacOS/Code Helper (Plugin)
 4711   612  4711      0   501 anna             U+   Fri Nov 20 17:30:00 2026     VLLM::EngineCore
 4712  4711  4711      0   501 anna             Z    Fri Nov 20 17:30:01 2026     (python3.12)
`;

describe('parsePs', () => {
  it('reads rows of macOS', () => {
    const rows = parsePs(MAC);
    assert.deepEqual(
      rows.map(({ pid, ppid, sid, uid, state, comm }) => [pid, ppid, sid, uid, state, comm]),
      [
        [1, 0, null, 0, 'S', 'launchd'],
        [612, 1, null, 501, 'S', 'Code Helper (Plugin)'],
        [4711, 612, null, 501, 'U', 'VLLM::EngineCore'],
        [4712, 4711, null, 501, 'Z', '(python3.12)'],
      ],
    );
    assert.equal(rows[2]?.startTime, String(Date.UTC(2026, 10, 20, 17, 30, 0) / 1000));
  });

  it('leaves out what is no row', () => {
    assert.deepEqual(parsePs('ps: illegal option\n\n 5 x y\n'), []);
    assert.deepEqual(
      parsePs(' 7 1 7 0 501 me S Thu Foo 99 08:00:03 2026 x'),
      [],
      'a date that is none',
    );
  });
});

describe('parsePsCommands', () => {
  it('keeps whole lines', () => {
    const commands = parsePsCommands(
      '    7 python -c import x\n12345 VLLM::EngineCore\nnonsense\n',
    );
    assert.deepEqual(
      [...commands],
      [
        [7, 'python -c import x'],
        [12345, 'VLLM::EngineCore'],
      ],
    );
  });
});

describe('parseLsofPorts', () => {
  it('finds what can be reached from here', () => {
    const text = 'p4711\nf7\nn*:8000\nf8\nn127.0.0.1:9001\nf9\nn[::1]:9000\nf10\nn10.0.0.5:22\n';
    assert.deepEqual(parseLsofPorts(text), [8000, 9000, 9001]);
  });
});
