// A stand-in for the module `vscode` in plain Node, for what needs no window: loading and activating the bundle. It does
// nothing and answers everything; the settings are the defaults of package.json.
const Module = require('node:module');
const path = require('node:path');

const root = process.cwd();
const manifest = require(path.join(root, 'package.json'));
const defaults = Object.assign(
  {},
  ...[manifest.contributes.configuration].flat().map(({ properties }) => properties),
);

const nothing = { dispose() {} };
/** Any function, whatever is asked of it. */
const anything = new Proxy(function () {}, {
  get: (_, key) => {
    if (key === Symbol.toPrimitive) return () => '';
    if (key === Symbol.iterator) return [][Symbol.iterator];
    return key === 'then' ? undefined : anything;
  },
  set: () => true,
  apply: () => anything,
});

class Thing {
  static from = () => nothing;
  event = () => nothing;
  fire() {}
  dispose() {}
}

/** @param settings by full name, in place of the defaults */
function vscodeStub(settings) {
  const known = {
    workspace: {
      isTrusted: true,
      workspaceFolders: undefined,
      getConfiguration: (section) => ({
        get: (key) => settings[`${section}.${key}`] ?? defaults[`${section}.${key}`]?.default,
        inspect: () => undefined,
      }),
    },
    window: { state: { focused: true, active: true }, terminals: [] },
    extensions: { all: [] },
  };
  const orAnything = (own) =>
    new Proxy(own, { get: (_, key) => (key in own ? own[key] : anything) });
  const isClass = (key) => /^[A-Z]/.test(String(key));
  // `import *` copies what it can list and inherits the rest
  return Object.create(
    new Proxy({}, { get: (_, key) => orAnything(isClass(key) ? Thing : (known[key] ?? {})) }),
  );
}

/** From now on `require('vscode')` gives the stand-in. */
exports.plantVscode = (settings = {}) => {
  const stub = vscodeStub(settings);
  const load = Module._load;
  Module._load = function (name, ...rest) {
    return name === 'vscode' ? stub : load.call(this, name, ...rest);
  };
};

/** What `activate` is given; `storage` is a folder. */
exports.extensionContext = (storage) => ({
  extension: { packageJSON: manifest },
  extensionUri: { fsPath: root },
  globalStorageUri: { fsPath: storage },
  secrets: { get: async () => undefined, onDidChange: () => nothing },
  globalState: { get: (_, standard) => standard, update: async () => {} },
  workspaceState: { get: (_, standard) => standard, update: async () => {} },
  environmentVariableCollection: new Map(),
  subscriptions: [],
  asAbsolutePath: (file) => path.join(root, file),
});
