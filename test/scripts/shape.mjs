// What the sources look like: sizes, who knows VS Code, and which room imports which.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

/** Share of the files of src/ that may know VS Code. */
const MAX_VSCODE_SHARE = 0.3;
const MAX_MEDIAN_LINES = 90;
const LARGEST = 5;

/** `from 'x'` of imports and exports, as prettier leaves them. */
const IMPORT = /^(?:import|export|\})[^'\n]*?from '([^'\n]+)'/gm;

/** `src/planner/vllm/x.ts` is of the room planner, `webview/x.ts` of webview, `src/cli.ts` of cli. */
function roomOf(file) {
  const [top, second] = file.split('/');
  return (top === 'src' ? second : top).replace(/\.ts$/, '');
}

function readSources(folder) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => {
      const file = path.posix.join(folder, name.split(path.sep).join('/'));
      const text = fs.readFileSync(path.join(root, file), 'utf8');
      const imports = [...text.matchAll(IMPORT)].map(([, target]) =>
        target.startsWith('.') ? path.posix.join(path.posix.dirname(file), target) : target,
      );
      return { file, room: roomOf(file), lines: text.split('\n').length - 1, imports };
    });
}

/** One line a room: its files, and how many import statements go from it to each other room. */
function graphLines(sources) {
  const rooms = new Map();
  for (const { room, imports } of sources) {
    const own = rooms.get(room) ?? { files: 0, to: new Map() };
    own.files += 1;
    for (const target of imports.filter((name) => /^(src|webview)\//.test(name)).map(roomOf))
      if (target !== room) own.to.set(target, (own.to.get(target) ?? 0) + 1);
    rooms.set(room, own);
  }
  // a room stands below all that it imports; rooms that import each other would never come to an end
  const depthOf = (room, above = []) => {
    if (above.includes(room)) throw new Error(`a circle of rooms: ${[...above, room].join(' → ')}`);
    const targets = [...(rooms.get(room)?.to.keys() ?? [])];
    return 1 + Math.max(0, ...targets.map((target) => depthOf(target, [...above, room])));
  };
  const inOrder = [...rooms].sort(([a], [b]) => depthOf(a) - depthOf(b));
  return inOrder.map(([room, { files, to }]) => {
    const targets = [...to].sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${n}`);
    const arrow = targets.length > 0 ? ` → ${targets.join(', ')}` : '';
    return `${room.padEnd(9)} ${String(files).padStart(3)} files${arrow}`;
  });
}

/** @returns `{ isFine, lines }`: the verdict, and what to print */
export function shapeOfSources() {
  const sources = [...readSources('src'), ...readSources('webview')].sort(
    (a, b) => b.lines - a.lines,
  );
  const inSrc = sources.filter(({ room }) => room !== 'webview');
  const share = inSrc.filter(({ imports }) => imports.includes('vscode')).length / inSrc.length;
  const median = sources[Math.floor(sources.length / 2)].lines;
  const largest = sources.slice(0, LARGEST).map(({ file, lines }) => `${file} ${lines}`);
  return {
    isFine: share < MAX_VSCODE_SHARE && median <= MAX_MEDIAN_LINES,
    lines: [
      `${sources.length} files, ${(share * 100).toFixed(0)} % of src imports vscode (limit ${MAX_VSCODE_SHARE * 100} %), median ${median} lines (limit ${MAX_MEDIAN_LINES})`,
      `largest: ${largest.join(', ')}`,
      'imports from room to room:',
      ...graphLines(sources).map((line) => `  ${line}`),
    ],
  };
}
