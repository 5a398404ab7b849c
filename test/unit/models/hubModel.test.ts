import assert from 'node:assert/strict';
import { commitOf, judgeAnswer, waitAfter } from '../../../src/models/hubAnswer';
import {
  hubFileUrl,
  hubName,
  mayCarryToken,
  parseEndpoint,
  parseHubModel,
} from '../../../src/models/hubModel';

describe('hubModel', () => {
  it('takes names as a hub has them', () => {
    const named = (text: string) => {
      const model = parseHubModel(text);
      return model && [model.repo, model.file, model.hasHost];
    };
    assert.deepEqual(named('Qwen/Qwen3-8B'), ['Qwen/Qwen3-8B', null, false]);
    assert.deepEqual(named(' hf.co/Qwen/Qwen3-8B '), ['Qwen/Qwen3-8B', null, true]);
    assert.deepEqual(named('https://huggingface.co/a/b'), ['a/b', null, true]);
    assert.deepEqual(named('a/b-GGUF:b.Q4_K_M.gguf'), ['a/b-GGUF', 'b.Q4_K_M.gguf', false]);
    assert.deepEqual(named('hf.co/a/b:UD-Q4/b-00001-of-00002.gguf'), [
      'a/b',
      'UD-Q4/b-00001-of-00002.gguf',
      true,
    ]);
  });

  it('takes nothing else', () => {
    const others = [
      ...['', 'gpt2', 'llama3.1:8b', 'user/model:8b', 'hf.co/user/repo:Q4_K_M'],
      ...['/models/a', './a/b', '../a/b', '~/a', 'C:/m/x.gguf', 'a/b/c', 'a\\b/c'],
      ...['a/..', 'a/b..c', 'a--b/c', '.a/b', 'a/b.git', 'a/b-', 'a b/c', 'a/b?x', 'a/b#x'],
      ...['a/b:../../x.gguf', 'a/b:/x.gguf', 'a/b:x%2f.gguf', 'a/b:x.gguf?y', 'a/b:c\\x.gguf'],
      `a/${'b'.repeat(97)}`,
      'http://evil.example/a/b',
      'user@host/repo',
      'a/b\nc',
    ];
    for (const text of others) assert.equal(parseHubModel(text), null, text);
  });

  it('builds the URL that hubs and mirrors serve', () => {
    assert.equal(
      hubFileUrl('https://mirror.lan/hf', 'a/b.c', 'x y/w.gguf', 'refs/pr/1'),
      'https://mirror.lan/hf/a/b.c/resolve/refs%2Fpr%2F1/x%20y/w.gguf',
    );
  });

  it('takes plain http(s) addresses as endpoints, and repeats none that holds a password', () => {
    const endpoint = (text?: string) => {
      const parsed = parseEndpoint(text);
      return parsed.ok ? parsed.value : parsed.failure.detail;
    };
    assert.equal(endpoint(), 'https://huggingface.co');
    assert.equal(endpoint('  '), 'https://huggingface.co');
    assert.equal(endpoint('https://hf-mirror.example/'), 'https://hf-mirror.example');
    assert.equal(endpoint('http://localhost:8080/api/hf//'), 'http://localhost:8080/api/hf');
    for (const bad of [
      'file:///x',
      'mirror',
      'https://u:geheim@h/',
      'https://h/?q=1',
      'https://h/#a',
    ])
      assert.equal(endpoint(bad), 'HF_ENDPOINT is no plain http(s) address.', bad);
    assert.equal(hubName('http://localhost:8080/api/hf'), 'localhost:8080');
  });

  it('sends a token where nobody on the way can read it', () => {
    const may = [
      'https://huggingface.co',
      'http://localhost:1',
      'http://127.0.0.1:1',
      'http://[::1]:1',
    ];
    const mayNot = [
      'http://mirror.lan',
      'http://127.0.0.1.evil.example',
      'http://localhost.evil.example',
    ];
    for (const endpoint of may) assert.equal(mayCarryToken(endpoint), true, endpoint);
    for (const endpoint of mayNot) assert.equal(mayCarryToken(endpoint), false, endpoint);
  });
});

describe('hubAnswer', () => {
  const asked = { hub: 'hub', repo: 'a/b', file: 'config.json', token: 'none' as const };
  const judged = (status: number, headers: Record<string, string> = {}, hasToken = false) => {
    const result = judgeAnswer(
      { status, headers },
      { ...asked, token: hasToken ? 'sent' : 'none' },
    );
    return result.ok
      ? result.value.fileBytes
      : `${result.failure.reason}: ${result.failure.detail}`;
  };

  it('knows the size of the whole file, or that it does not', () => {
    assert.equal(judged(206, { 'content-range': 'bytes 0-99/12345' }), 12345);
    assert.equal(judged(206, { 'content-range': 'bytes 0-99/*' }), null);
    assert.equal(judged(200, { 'content-length': '77' }), 77);
    assert.equal(judged(200, { 'content-length': '77', 'content-encoding': 'gzip' }), null);
    assert.equal(judged(200), null);
  });

  it('says what stands in the way, and how to get through', () => {
    assert.match(
      String(judged(401, { 'x-error-code': 'GatedRepo' })),
      /needsToken: a\/b is gated.*HF_TOKEN/,
    );
    assert.match(
      String(judged(401)),
      /needsToken: a\/b is not on hub, or is private.*needs a token/,
    );
    assert.match(
      String(judged(403, { 'x-error-code': 'GatedRepo' }, true)),
      /terms must be accepted on hub; the token that was sent gives no access/,
    );
    const withheld = judgeAnswer({ status: 401, headers: {} }, { ...asked, token: 'withheld' });
    assert.ok(!withheld.ok);
    assert.match(withheld.failure.detail, /needs the token, which is not sent over plain http/);
    assert.match(
      String(judged(404, { 'x-error-code': 'EntryNotFound' })),
      /notFound: a\/b on hub has no/,
    );
    assert.match(String(judged(404)), /notFound: .*is the name right\?/);
    for (const status of [302, 400, 416, 429, 500, 503])
      assert.match(String(judged(status)), /^failed: /);
    assert.match(
      String(judged(206, { 'content-range': 'bytes 5-9/10' })),
      /^badOutput: .*another part/,
    );
    assert.match(String(judged(206)), /^badOutput: /);
    assert.match(String(judged(200, { 'content-type': 'text/html' })), /^badOutput: .*web page/);
    assert.match(String(judged(206, { 'content-encoding': 'gzip' })), /^badOutput: .*compressed/);
    assert.match(String(judged(200, { 'content-encoding': 'br' })), /^badOutput: .*compressed/);
  });

  it('waits as long as it is asked to, within reason', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const wait = (status: number, after?: string) =>
      waitAfter({ status, headers: after === undefined ? {} : { 'retry-after': after } }, now);
    assert.equal(wait(429, '120'), 120_000);
    assert.equal(wait(429, '0'), 1000);
    assert.equal(wait(429, 'Thu, 01 Jan 2026 00:02:00 GMT'), 120_000);
    assert.equal(wait(429, '999999999'), 3_600_000);
    assert.equal(wait(429, 'soon'), 60_000);
    assert.equal(wait(429), 60_000);
    assert.equal(wait(503, '5'), 5000);
    assert.equal(wait(503), null);
    assert.equal(wait(200, '5'), null);
  });

  it('takes a commit only for one', () => {
    assert.equal(commitOf({ 'x-repo-commit': 'b'.repeat(40) }), 'b'.repeat(40));
    for (const text of ['main', 'b'.repeat(39), '../x'])
      assert.equal(commitOf({ 'x-repo-commit': text }), null);
    assert.equal(commitOf({}), null);
  });
});
