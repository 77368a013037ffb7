#!/usr/bin/env node
// @ts-check
// Step 3 of 4: turn weighted events into events of equal weight by accept and reject, as a detector would see them.
import { readInteger, readPath, runProgram, UsageError } from "../program/command-line.mjs";
import { readEvents, writeEvents } from "./files/event-file.mjs";
import { acceptEvents } from "./sampling/events.mjs";

const USAGE = `
Usage: unweight.mjs --in FILE --seed N --out FILE

Accepts each weighted event with probability weight / maximum, the grid's safe maximum.

  --in FILE    weighted events from generate.mjs
  --seed N     random seed
  --out FILE   where to write the accepted events (JSON lines: a header, then [mass, cosTheta, phi, weight])
  -h, --help   this text

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

runProgram({
  usage: USAGE,
  options: ["in", "seed", "out"],
  main: (values, extra) => {
    if (extra.length > 0) throw new UsageError(`unexpected argument '${extra[0]}'`);
    const input = readPath(values, "in");
    const out = readPath(values, "out");
    const seed = readInteger(values, "seed", { min: 0, max: Number.MAX_SAFE_INTEGER });

    const { header, events } = readEvents(input);
    if (header.kind !== "weighted") throw new Error(`${input}: its events are unweighted already`);
    const { accepted, overweight } = acceptEvents(events, { seed, maxWeight: header.maxWeight });
    writeEvents(out, { ...header, kind: "unweighted", events: accepted.length, overweight }, accepted);
    const percent = (/** @type {number} */ part) => `${((100 * part) / events.length).toFixed(2)} %`;
    process.stdout.write(
      `${accepted.length} of ${events.length} events to ${out}: efficiency ${percent(accepted.length)}, ` +
        `over-weight ${percent(overweight)}\n`,
    );
  },
});
