/**
 * How often a test is tried before it counts as failed. A build on a shared machine is judged by what stays broken (and
 * its summary names what passed on the second try); a person at the keyboard wants to see the first failure.
 */
exports.TRIES = process.env.CI === 'true' ? 2 : 1;
