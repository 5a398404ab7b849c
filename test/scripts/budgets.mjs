// What figures of `npm run bench` may be at most (or at least). The bundles' sizes are in esbuild.js, which fails past them.

const FRAME_MS = 16;
const worst = (timings, pattern) => {
  const found = Object.entries(timings ?? {}).filter(([name]) => pattern.test(name));
  return found.length === 0 ? null : Math.max(...found.map(([, { p95Ms }]) => p95Ms));
};
const afterActivation = ({ activateMs, firstGaugeMs }) =>
  firstGaugeMs === null ? null : firstGaugeMs - activateMs;

/** `of` gives the figure, or null where it was not measured; `unit` is for people. */
const BUDGETS = [
  { what: 'activation returns', of: ({ window }) => window?.activateMs, most: 30, unit: 'ms' },
  {
    // with the 7-25 ms of a real nvidia-smi: 150 ms
    what: 'first gauge after it, by a tool that answers at once',
    of: ({ window }) => window && afterActivation(window),
    most: 125,
    unit: 'ms',
  },
  {
    what: 'CPU of loading the bundle',
    of: ({ activation }) => activation?.loadCpuMs,
    most: 50,
    unit: 'ms',
  },
  {
    what: 'CPU of activating',
    of: ({ activation }) => activation?.activateCpuMs,
    most: 30,
    unit: 'ms',
  },
  {
    what: 'memory kept when active',
    of: ({ activation }) => activation?.heapMb,
    most: 8,
    unit: 'MB',
  },
  {
    what: 'memory kept after 100 plans',
    of: ({ activation }) => activation?.heapAfter100PlansMb,
    most: 10,
    unit: 'MB',
  },
  {
    what: 'sampling every 2 s, of a core, in the host',
    of: ({ sampling }) => sampling?.['sampling.every2s']?.hostPercent,
    most: 0.3,
    unit: '%',
  },
  {
    what: 'the slowest plan (p95)',
    of: ({ rooms }) => worst(rooms, /^plan\.(?!.*20servers)/),
    most: 2,
    unit: 'ms',
  },
  {
    what: 'the slowest plan of the page (p95)',
    of: ({ rooms }) => worst(rooms, /^page\.plan\.(?!.*20servers)/),
    most: 2,
    unit: 'ms',
  },
  {
    what: 'plans for 20 servers (p95)',
    of: ({ rooms }) => worst(rooms, /20servers$/),
    most: FRAME_MS,
    unit: 'ms',
  },
  {
    what: '50 launches found again (p95)',
    of: ({ rooms }) => worst(rooms, /^observe\.foundAgain/),
    most: 1_500,
    unit: 'ms',
  },
  {
    what: 'reading a log of vLLM',
    of: ({ rooms }) => rooms && 10_000 / rooms['log.vllm.10MB'].p50Ms,
    least: 50,
    unit: 'MB/s',
  },
  {
    what: 'reading a log of Ollama',
    of: ({ rooms }) => rooms && 10_000 / rooms['log.ollama.10MB'].p50Ms,
    least: 50,
    unit: 'MB/s',
  },
  {
    what: 'plans of the CLI in one go',
    of: ({ stream }) => stream?.plansPerSecond,
    least: 2_000,
    unit: 'a second',
  },
];

/** @returns `{ line, verdict }` of each budget; the verdict is `ok`, `over` or `unknown`. */
export function judgeBudgets(bench) {
  return BUDGETS.map(({ what, of, most, least, unit }) => {
    const value = of(bench) ?? null;
    const isGood = value !== null && (most === undefined ? value >= least : value <= most);
    const verdict = value === null ? 'unknown' : isGood ? 'ok' : 'over';
    const limit = most === undefined ? `at least ${least}` : `at most ${most}`;
    const figure = value === null ? 'not measured' : `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`;
    return { verdict, line: `${verdict.padEnd(8)}${what}: ${figure} (${limit} ${unit})` };
  });
}
