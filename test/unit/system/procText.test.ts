import assert from 'node:assert/strict';
import {
  parseCmdline,
  parseContainerId,
  parseListeners,
  parseMapped,
  parsePasswd,
  parseStat,
  parseStatus,
} from '../../../src/system/procText';

describe('procText', () => {
  it('reads a stat line whose name has blanks and brackets', () => {
    const stat = parseStat(
      '4711 (a) b (c)) S 1 4711 4700 34816 4711 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2',
    );
    assert.deepEqual(
      [
        stat?.pid,
        stat?.comm,
        stat?.state,
        stat?.ppid,
        stat?.pgid,
        stat?.sid,
        stat?.startTime,
        stat?.isKernelThread,
      ],
      [4711, 'a) b (c)', 'S', 1, 4711, 4700, '987654', false],
    );
    assert.equal(
      parseStat('2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0')?.isKernelThread,
      true,
    );
    for (const bad of ['', 'nonsense', '1 (x) S 1 1', '1 (x']) assert.equal(parseStat(bad), null);
  });

  it('reads users and namespace depth', () => {
    assert.deepEqual(parseStatus('Name:\tx\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t4711\t12\n'), {
      uid: 1000,
      namespaceDepth: 2,
    });
    // a program that acts for somebody else
    for (const ids of ['1000\t0\t0\t0', '1000\t1000\t0\t1000'])
      assert.equal(parseStatus(`Uid:\t${ids}\n`).uid, null);
    assert.deepEqual(parseStatus(''), { uid: null, namespaceDepth: null });
    assert.equal(
      parsePasswd('root:x:0:0:r:/root:/bin/sh\n# c\nme:x:1000:1000::/home/me:/bin/sh\n').get(1000),
      'me',
    );
  });

  it('drops the tail of NULs that a title leaves, keeps empty arguments', () => {
    assert.deepEqual(parseCmdline('VLLM::EngineCore\0\0\0\0'), ['VLLM::EngineCore']);
    assert.deepEqual(parseCmdline('a\0\0b\0'), ['a', '', 'b']);
    assert.deepEqual(parseCmdline(''), []);
  });

  it('finds container ids of the common engines', () => {
    const id = '0123456789abcdef'.repeat(4);
    for (const line of [
      `0::/system.slice/docker-${id}.scope`,
      `12:memory:/docker/${id}`,
      `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope/container`,
      `1:name=systemd:/kubepods/burstable/pod1a2b/${id}`,
      `0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id}.scope`,
    ])
      assert.equal(parseContainerId(line), id, line);
    assert.equal(parseContainerId('0::/lxc.payload.box/x'), 'box');
    for (const line of [
      '0::/',
      '0::/user.slice/user-1000.slice/session-2.scope',
      '4:memory:/process_api/a770294a14e27ef0f1f8823db4a380de',
    ])
      assert.equal(parseContainerId(line), null, line);
  });

  it('reads listeners on loopback and any address, of both families', () => {
    const line = (local: string, state: string, inode: string): string =>
      `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0`;
    const text = [
      '  sl  local_address …',
      line('0100007F:1F40', '0A', '11'),
      line('00000000:2CAA', '0A', '12'),
      line('0100007F:1F41', '01', '13'),
      line('0A01A8C0:0050', '0A', '14'),
      line('00000000000000000000000001000000:0051', '0A', '15'),
      line('0000000000000000FFFF00000100007F:0052', '0A', '16'),
    ].join('\n');
    assert.deepEqual(
      [...parseListeners(text)],
      [
        ['11', 8000],
        ['12', 11434],
        ['15', 81],
        ['16', 82],
      ],
    );
  });

  it('reads mapped files of one folder that still have their name', () => {
    const maps =
      '7f0-7f1 rw-s 00000000 00:1a 77                         /dev/shm/psm_0123abcd\n7f2-7f3 rw-s 0 00:1a 78 /dev/shm/sem.mp-x (deleted)\n7f4-7f5 r-xp 0 08:01 9 /usr/lib/libc.so\n7f6-7f7 rw-p 0 00:00 0 \n';
    assert.deepEqual([...parseMapped(maps, '/dev/shm')], [['/dev/shm/psm_0123abcd', '77']]);
  });
});
