#!/usr/bin/env node
// @ts-check
// Gather the runs of melt.in over a range of temperatures and find where the crystal melts.
import { join } from "node:path";
import { readPath, runProgram, UsageError } from "../program/command-line.mjs";
import { findFiles } from "../program/find-files.mjs";
import { readText, writeText } from "../program/text-file.mjs";
import { drawMeltingCurve } from "./figure.mjs";
import { findTransition, judge, parseRun } from "./melting.mjs";

const USAGE = `
Usage: analyse.mjs --out DIR FILE...

Finds the melting transition from the results of melt.in at several temperatures and one
pressure. A FILE may be a path, a folder (its .json files) or a quoted pattern such as
'jobs/*/result.json'.

  --out DIR    where to write results.json and melting-curve.svg
  -h, --help   this text

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

runProgram({
  usage: USAGE,
  options: ["out"],
  main: (values, given) => {
    const out = readPath(values, "out");
    if (given.length === 0) throw new UsageError("no result files given");

    const runs = findFiles(given, ".json")
      .map((path) => judge(parseRun(readText(path), path)))
      .sort((a, b) => a.temperature - b.temperature || a.seed - b.seed);
    const pressures = new Set(runs.map(({ pressure }) => pressure));
    if (pressures.size > 1) throw new Error(`the runs have different pressures: ${[...pressures].join(", ")}`);

    const transition = findTransition(runs);
    writeText(join(out, "results.json"), `${JSON.stringify({ transition: transition ?? null, runs }, null, 1)}\n`);
    writeText(join(out, "melting-curve.svg"), drawMeltingCurve(runs, transition));
    process.stdout.write(describe(runs, transition));
    process.stdout.write(`written: ${join(out, "results.json")}, ${join(out, "melting-curve.svg")}\n`);
  },
});

/**
 * @param {readonly import("./melting.mjs").JudgedRun[]} runs
 * @param {import("./melting.mjs").Transition | undefined} transition
 */
function describe(runs, transition) {
  const rows = runs.map(({ temperature, seed, density, potentialEnergy, lindemann, melted }) =>
    [
      temperature.toFixed(3).padStart(11),
      String(seed).padStart(6),
      density.toFixed(4).padStart(9),
      potentialEnergy.toFixed(4).padStart(9),
      lindemann.toFixed(3).padStart(11),
      melted ? "  liquid" : "  crystal",
    ].join(""),
  );
  const verdict = transition
    ? `melts at T* = ${transition.temperature.toFixed(3)} +- ${transition.uncertainty.toFixed(3)}, ` +
      `heat of fusion ${transition.heatOfFusion.toFixed(2)} epsilon per atom`
    : `no transition: every run ended ${runs[0]?.melted ? "liquid" : "crystalline"}`;
  return `temperature  seed  density   energy  Lindemann  phase\n${rows.join("\n")}\n\n${verdict}\n`;
}
