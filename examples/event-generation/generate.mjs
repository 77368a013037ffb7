#!/usr/bin/env node
// @ts-check
// Step 2 of 4: draw weighted events from a grid file.
import { readInteger, readPath, runProgram, UsageError } from "../program/command-line.mjs";
import { sumWeights, writeEvents } from "./files/event-file.mjs";
import { readGrid } from "./files/grid-file.mjs";
import { drawEvents } from "./sampling/events.mjs";

const USAGE = `
Usage: generate.mjs --grid FILE --seed N --events N --out FILE

Draws weighted events from an integration grid. Their mean weight is the cross section in nb.

  --grid FILE   the grid file that integrate.mjs wrote
  --seed N      random seed; every file of a campaign wants its own
  --events N    how many events (1 to 1000000)
  --out FILE    where to write them (JSON lines: a header, then [mass, cosTheta, phi, weight])
  -h, --help    this text

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

runProgram({
  usage: USAGE,
  options: ["grid", "seed", "events", "out"],
  main: (values, extra) => {
    if (extra.length > 0) throw new UsageError(`unexpected argument '${extra[0]}'`);
    const gridPath = readPath(values, "grid");
    const out = readPath(values, "out");
    const seed = readInteger(values, "seed", { min: 0, max: Number.MAX_SAFE_INTEGER });
    const count = readInteger(values, "events", { min: 1, max: 1e6 });

    const { id, process: reaction, scan, axes, maxWeight } = readGrid(gridPath);
    const events = drawEvents({ scan, grid: axes.map(({ edges }) => edges) }, { seed, count });
    const weights = sumWeights(events);
    writeEvents(
      out,
      {
        format: "events",
        version: 1,
        kind: "weighted",
        process: reaction,
        grid: id,
        scan,
        maxWeight,
        seed,
        events: count,
        weights,
      },
      events,
    );
    const mean = weights.sumW / count;
    const error = Math.sqrt(Math.max(weights.sumW2 / count - mean ** 2, 0) / Math.max(count - 1, 1));
    process.stdout.write(`${count} weighted events to ${out}: ${mean.toFixed(6)} +- ${error.toFixed(6)} nb\n`);
  },
});
