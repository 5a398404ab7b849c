import assert from 'node:assert/strict';
import { checkArguments } from '../../../../src/engines/vllm/arguments';
import { flagRows } from '../../../../src/engines/vllm/flagTable';
import { describeWithData, readDataJson, readDataText } from '../../../support/sharedData';

const idsOf = (args: string[], version: string | null = '0.19.1') =>
  checkArguments(args, version).map((problem) => problem.id);

describe('vllm arguments', () => {
  it('takes what argparse takes', () => {
    assert.deepEqual(
      idsOf([
        '--max_model_len',
        '4096',
        '--gpu-memory-utilization=0.9',
        '-tp',
        '2',
        '--kv-cache-memory',
        '1G',
        '--no-enable-prefix-caching',
        '--compilation-config.mode',
        '3',
        '--compilation-config.cudagraph_mode',
        'NONE',
        '-O3',
        '-cc.mode=none',
        '--max-num-seqs',
        '-1',
        '--seed',
        '0',
      ]),
      [],
    );
  });

  it('suggests the flag that was meant', () => {
    const [problem] = checkArguments(['--gpu-mem-utilisation', '0.9'], '0.19.1');
    assert.equal(problem?.id, 'unknown_flag');
    assert.equal(problem.blocking, true);
    assert.match(problem.text, /--gpu-memory-utilization/);
    assert.equal(idsOf(['--xyz']).length, 1);
  });

  it('tells removed and renamed flags with their replacement, by version', () => {
    assert.deepEqual(idsOf(['--swap-space', '4'], '0.17.1'), []);
    const [removed] = checkArguments(['--task', 'embed'], '0.19.1');
    assert.equal(removed?.id, 'removed_flag');
    assert.match(removed.text, /0\.13\.0.*--runner/);
    assert.deepEqual(idsOf(['--shutdown-timeout', '5'], '0.11.0'), ['newer_flag']);
  });

  it('only warns where the installed version is newer than its table', () => {
    const [problem] = checkArguments(['--brand-new-flag'], '0.40.0');
    assert.equal(problem?.blocking, false);
  });

  it('tells ambiguous prefixes, and flags given twice', () => {
    assert.deepEqual(idsOf(['--max-num', '3']), ['ambiguous_flag']);
    const [twice] = checkArguments(['--port', '8000', '--port', '9000'], '0.19.1');
    assert.equal(twice?.id, 'repeated_flag');
    assert.equal(twice.blocking, true);
    assert.equal(checkArguments(['--seed', '1', '--seed', '2'], null)[0]?.blocking, false);
  });

  it('only a switch has a --no- form', () => {
    assert.deepEqual(idsOf(['--no-max-model-len']), ['unknown_flag']);
  });
});

describeWithData('vllm arguments against the recorded parser', () => {
  it('knows every flag, since when, and until when', () => {
    const rows = readDataJson('vllm-serve-flags.json') as {
      flag: string;
      since: string;
      aliases: string[];
      negation?: string;
      sinceApprox?: boolean;
    }[];
    const gone = readDataJson('vllm-serve-flags-removed.json') as {
      flag: string;
      since: string;
      removedIn: string;
    }[];
    const flags = rows.filter((row) => row.flag.startsWith('--'));
    // Some were dated by their commit, which a release branch may have missed: those count from the first release after
    // the list was made.
    for (const { flag, since, aliases, negation, sinceApprox } of flags) {
      const version = sinceApprox === true ? '0.29.0' : since.replace(/^(?:<=)?v/, '');
      const long = aliases.filter((alias) => alias.startsWith('--'));
      for (const form of [flag, ...long, ...(negation ? [negation] : [])])
        assert.deepEqual(checkArguments([form], version), [], `${form} at ${version}`);
      for (const form of aliases) assert.deepEqual(checkArguments([form], '0.29.0'), [], form);
    }
    const lived = gone.filter(
      (row) => row.flag.startsWith('--') && row.since.replace('<=', '') !== row.removedIn,
    );
    for (const { flag } of lived) {
      const [problem] = checkArguments([flag], '0.32.0');
      assert.equal(problem?.id, 'removed_flag', flag);
    }
    console.log(
      `      ${String(flags.length)} flags, ${String(lived.length)} removed ones, ${String(flagRows.length)} in the table`,
    );
    assert.ok(flags.length > 250 && lived.length > 50);
  });

  it('knows every flag that `vllm serve --help=all` of 0.32 lists', () => {
    const listed = new Set<string>();
    for (const line of readDataText('vllm-cpu-runs', 'help-all.txt').split('\n'))
      if (/^ {2}-/.test(line))
        for (const [flag] of line.matchAll(/(?<![\w-])--[a-z][\w-]*/g)) listed.add(flag);
    listed.delete('--help');
    const problems = [...listed].flatMap((flag) => checkArguments([flag], '0.32.0'));
    console.log(`      ${String(listed.size)} flags listed`);
    assert.deepEqual(problems, []);
    assert.ok(listed.size > 300);
  });
});
