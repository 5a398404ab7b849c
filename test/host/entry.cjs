// Loaded by the extension host in place of the tests: sends what they print to TEST_HOST_OUTPUT, gives them a hand on
// the page, then runs them.
const fs = require('node:fs');
const http = require('node:http');
const { Writable } = require('node:stream');

const env = process.env;

// VS Code locks console.* and process.stdout.write (assignments are ignored): the objects are replaced instead.
function takeOverOutput() {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      fs.appendFileSync(env.TEST_HOST_OUTPUT, chunk);
      done();
    },
  });
  for (const name of ['stdout', 'stderr'])
    Object.defineProperty(process, name, { configurable: true, value: stream });
  globalThis.console = new console.Console({ stdout: stream, stderr: stream });
}

/** Calls a function of test/ui/page.mjs in the process that holds the page. */
function callPage(name, ...args) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath: env.TEST_HOST_SOCKET, method: 'POST' },
      async (answer) => {
        let body = '';
        for await (const part of answer) body += part;
        const { value, error } = JSON.parse(body);
        if (error) reject(new Error(error));
        else resolve(value);
      },
    );
    request.on('error', reject);
    request.end(JSON.stringify([name, ...args]));
  });
}

exports.run = async () => {
  takeOverOutput();
  globalThis.callTestPage = callPage;
  try {
    await require(env.TEST_HOST_TESTS).run();
  } finally {
    // Without this file an exit code of 0 only means that the extension host is gone.
    fs.writeFileSync(`${env.TEST_HOST_OUTPUT}.settled`, '');
  }
};
