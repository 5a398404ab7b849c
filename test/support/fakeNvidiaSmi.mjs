#!/usr/bin/env node
/**
 * STAND-IN for nvidia-smi: makes up a GPU that this machine does not have, so that the whole way from a spawned tool to
 * the screen can be tested. Nothing of the product uses it. It answers the calls of src/gpu/nvidia/source.ts (with
 * -lms again and again), `-L` and the plain table in the real tool's format.
 *
 * Controlled by the JSON file named in FAKE_NVIDIA_SMI_STATE (test/support/fakeGpu.ts writes it), read anew at each call and round:
 *   gpus           [{ name, uuid, busId, totalMiB, usedMiB, reservedMiB, utilization, temperatureC, powerW, powerLimitW,
 *                     computeCapability }]; all but name and totalMiB may be missing
 *   driverVersion  "999.01" where missing
 *   mode           ok | slow (answers after delayMs) | hang (never) | notAvailable (readings are [N/A]) | vanish (driver
 *                  gone) | noDevices | lostGpu | driverMismatch
 *   processes      [{ pid, usedMiB, name, gpu }]: listed as they stand, alive or not
 *   holders        [{ usedMiB, gpu, name?, pid?, pgid?, sid?, commandIncludes?, mark?: { name, value? },
 *                  ownRun? }]: every live
 *                  process that meets ALL conditions given is listed under its real pid, and its memory counts as used.
 *                  `mark`: NAME=VALUE stands in its environment (any value where `value` is missing), or it belongs to
 *                  a process group or session in which such a process was once seen. Engines that overwrite their
 *                  environment with their title, and outlive the process that started them, are found that way.
 *                  `ownRun`: name of a variable; left out is what a living parent started whose value of it is not ours
 *                  (engines that somebody else runs on this machine), and what an earlier run left behind.
 *   sinceTicks     when this card was made, in clock ticks since boot, as /proc tells starts; null where unknown
 *   invalidFields  fields that this "driver" does not know
 * Used memory of a GPU = its usedMiB + all its live holders (not `processes`, which the base figure includes).
 */
import fs from 'node:fs';
import { answerOf } from './nvidiaSmiAnswers.mjs';

const statePath = process.env['FAKE_NVIDIA_SMI_STATE'];
if (!statePath) {
  process.stderr.write('fakeNvidiaSmi: FAKE_NVIDIA_SMI_STATE names no file\n');
  process.exit(255);
}
const args = process.argv.slice(2);
const every = args.indexOf('-lms');

/** The rounds of -lms after the first hang and end as a single call does. */
function begin(isAgain) {
  const state = JSON.parse(fs.readFileSync(statePath, 'utf8'));
  const main = () => {
    const { text, code } = answerOf(args, { state, statePath, isAgain });
    fs.writeSync(1, text);
    if (code !== 0 || every === -1) process.exit(code);
    setTimeout(begin, Number(args[every + 1]), true);
  };
  if (state.mode === 'hang') setInterval(() => undefined, 60_000);
  else if (state.mode === 'slow' || state.delayMs > 0) setTimeout(main, state.delayMs ?? 3000);
  else main();
}

begin(false);
