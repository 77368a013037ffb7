#!/usr/bin/env node
// @ts-check
// Step 4 of 4: merge event files, measure, compare with the exact answer, and draw.
import { join } from "node:path";
import { readPath, runProgram, UsageError } from "../program/command-line.mjs";
import { findFiles } from "../program/find-files.mjs";
import { writeText } from "../program/text-file.mjs";
import { drawHistograms } from "./figure.mjs";
import { readEvents } from "./files/event-file.mjs";
import {
  asymmetryBands,
  checkFiles,
  compareFiles,
  measureAsymmetry,
  measureCrossSection,
} from "./measure/campaign.mjs";
import { measureSpectra } from "./measure/spectra.mjs";
import { describeResults } from "./measure/table.mjs";

const USAGE = `
Usage: merge.mjs --out DIR FILE...

Merges event files of one campaign and compares them with theory. A FILE may be a path, a
folder (its .jsonl files) or a quoted pattern such as 'jobs/*/events.jsonl'. Each file must
have its own seed, and all must come from one grid.

  --out DIR    where to write results.json and histogram.svg
  -h, --help   this text

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

runProgram({
  usage: USAGE,
  options: ["out"],
  main: (values, given) => {
    const out = readPath(values, "out");
    if (given.length === 0) throw new UsageError("no event files given");

    const read = findFiles(given, ".jsonl").map((path) => ({ path, ...readEvents(path) }));
    const { process: reaction, grid, kind, scan, maxWeight } = checkFiles(read);
    const events = read.flatMap((file) => file.events);
    if (events.length < 2)
      throw new Error(`${read.length} files hold ${events.length} events: too few to measure with`);

    const sums = read.map(({ header }) => header.weights);
    const generated = sums.reduce((total, { n }) => total + n, 0);
    const overweight = read.reduce((total, { header }) => total + (header.overweight ?? 0), 0);
    const results = {
      process: reaction,
      scan,
      grid,
      kind,
      files: read.length,
      generated,
      events: events.length,
      maxWeight,
      overweight,
      crossSection: measureCrossSection(sums, scan),
      asymmetry: measureAsymmetry(events, scan),
      asymmetryBands: asymmetryBands(scan).map((band) => ({ ...band, ...measureAsymmetry(events, band) })),
      filesAgree: compareFiles(sums),
      spectra: measureSpectra(events, scan),
    };
    writeText(join(out, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
    writeText(join(out, "histogram.svg"), drawHistograms(results));
    process.stdout.write(
      `${describeResults(results)}\nwritten: ${join(out, "results.json")}, ${join(out, "histogram.svg")}\n`,
    );
  },
});
