// Loads a bundle of the extension and prints, as JSON, what that alone did to the machine: timers, files, programs,
// connections. Argument: the bundle.
const path = require('node:path');
const { plantVscode } = require('./vscodeStub.cjs');

const bundle = path.resolve(process.argv[2]);
plantVscode();
const done = [];
const note = (owner, name, what) => {
  const own = owner[name];
  owner[name] = function (...args) {
    // the loader reads the bundle itself
    if (args[0] !== bundle) done.push(`${what} ${String(args[0]).slice(0, 100)}`);
    return own.apply(this, args);
  };
};
for (const name of ['setTimeout', 'setInterval', 'setImmediate']) note(globalThis, name, name);
for (const [module, names] of Object.entries({
  fs: ['readFileSync', 'readFile', 'writeFileSync', 'open', 'openSync', 'mkdirSync', 'readdirSync'],
  child_process: ['spawn', 'spawnSync', 'execFile', 'execFileSync'],
  net: ['connect', 'createServer'],
  http: ['request', 'createServer'],
}))
  for (const name of names) note(require(`node:${module}`), name, `${module}.${name}`);
let hasStdin = false;
const stdin = Object.getOwnPropertyDescriptor(process, 'stdin');
Object.defineProperty(process, 'stdin', {
  get() {
    hasStdin = true;
    return stdin.get.call(process);
  },
});

const { activate } = require(bundle);
if (hasStdin) done.push('process.stdin');
console.log(JSON.stringify({ activate: typeof activate, done }));
process.exit(0);
