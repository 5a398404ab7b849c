import assert from 'node:assert/strict';
import { ollamaCauses } from '../../../src/engines/ollama/causes';
import { createPatternIndex } from '../../../src/engines/patternIndex';
import { vllmCauses } from '../../../src/engines/vllm/causes';
import { vllmLines } from '../../../src/engines/vllm/patterns';

const places = (patterns: readonly RegExp[], text: string) => [
  ...createPatternIndex(patterns).candidates(text),
];

describe('the index of patterns', () => {
  it('rules out what has another word, and keeps what has none to look up', () => {
    const patterns = [/out of memory/, /[a-c]+\d?/, /already in use/, /a+b?/, /Killed|x y z/];
    assert.deepEqual(places(patterns, 'CUDA out of memory'), [0, 1]);
    assert.deepEqual(places(patterns, 'all is well'), [1, 3]);
    assert.deepEqual(places(patterns, 'already in use? Killed'), [1, 2, 3, 4]);
  });

  it('heeds alternatives, optional and repeated characters, escapes and groups', () => {
    const hits: readonly (readonly [RegExp, string])[] = [
      [/first word|second word/, 'the second word'],
      [/colou?r of it/, 'color of it'],
      [/colou?r of it/, 'colour of it'],
      [/loo+ng one/, 'looooong one'],
      [/a\.b\(c\) d/, 'a.b(c) d'],
      [/(?:x|yy)zzzzzzz/, 'yyzzzzzzz'],
      [/[ab]cdefgh/, 'bcdefgh'],
      [/\d{3,4} blocks left/, '123 blocks left'],
      [/ab{2}cdef/, 'abbcdef'],
      [/under(?=stand)ing?/, 'understand'],
      [/café \u2588 bar/, 'café █ bar'],
      [/Some Words/i, 'some words'],
      [/tail of text$/, 'tail of text'],
      [/^head of text/, 'head of text'],
    ];
    for (const [pattern, text] of hits) {
      const isMatch = pattern.test(text);
      assert.ok(!isMatch || places([pattern], text).length === 1, `${String(pattern)} in ${text}`);
    }
  });

  it('looks into a group that every match goes through, and into no other', () => {
    const inside = [/(?<what>No such thing: .+)/, /^(?:KeyError|ImportError)\b(?!: x)/];
    assert.deepEqual(places(inside, 'all is well'), []);
    assert.deepEqual(places(inside, 'No such thing: a KeyError'), [0, 1]);
    assert.deepEqual(places(inside, 'ImportError: No module'), [1]);
    const outside = [/(?:Some word)?\d/, /(?=Some word)\w/, /(?!Some word)\w/, /(Some word|\d+)/];
    assert.deepEqual(places(outside, '12'), [0, 1, 2, 3]);
  });

  it('runs nearly no rule on a line that none of them is about', () => {
    for (const rules of [[...vllmLines, ...vllmCauses], ollamaCauses]) {
      const ran = places(
        rules.map(({ pattern }) => pattern),
        'all is well',
      );
      assert.ok(ran.length <= 1, ran.map((place) => rules[place]?.pattern.source).join('\n'));
    }
  });

  it('never rules out a rule that matches, on lines made of the rules themselves', () => {
    const rules = [...vllmLines, ...vllmCauses, ...ollamaCauses];
    const index = createPatternIndex(rules.map(({ pattern }) => pattern));
    let matches = 0;
    for (const { pattern } of rules) {
      // The source read as text matches many of the literal rules, and parts of the others.
      for (const line of [pattern.source, ...pattern.source.split('|')].map((source) =>
        source.replace(/\\([^\w\s])/g, '$1').replace(/\(\?<\w+>[^)]*\)|\\d\+|\[[^\]]*\]\+/g, '12'),
      )) {
        const candidates = index.candidates(line);
        rules.forEach((rule, place) => {
          if (!rule.pattern.test(line)) return;
          matches += 1;
          assert.ok(candidates.includes(place), `${rule.pattern.source} in ${line}`);
        });
      }
    }
    assert.ok(matches > 200, `only ${String(matches)} matches: the test tests nothing`);
  });
});
