#!/usr/bin/env node
// @ts-check
// Step 1 of 4: adapt a VEGAS grid to e+ e- -> mu+ mu- and write it, with the cross section it found, to a grid file.
import { readInteger, readNumber, readPath, runProgram, UsageError } from "../program/command-line.mjs";
import { PROCESS, writeGrid } from "./files/grid-file.mjs";
import { coordinates, exactCrossSection, integrand } from "./physics/scan.mjs";
import { makeRandom } from "./sampling/random.mjs";
import { combine, iterate, uniformGrid } from "./sampling/vegas.mjs";

const USAGE = `
Usage: integrate.mjs --out FILE [options]

Adapts a VEGAS integration grid to e+ e- -> mu+ mu- (photon and Z exchange, tree level)
and writes it to FILE (JSON).

  --out FILE         where to write the grid
  --min-energy GEV   start of the energy scan (default 70)
  --max-energy GEV   end of the energy scan (default 110)
  --sqrt-s GEV       one fixed energy instead of a scan
  --calls N          points in each iteration (default 10000)
  --iterations N     iterations that count (default 7), after 3 that only adapt the grid
  --bins N           bins on each axis (default 64)
  --seed N           random seed (default 1)
  -h, --help         this text

Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const WARM_UP = 3;
/** Head-room over the largest of many weights seen, so that outweighing it stays rare. */
const MAXIMUM_MARGIN = 1.05;

runProgram({
  usage: USAGE,
  options: ["out", "min-energy", "max-energy", "sqrt-s", "calls", "iterations", "bins", "seed"],
  main: (values, extra) => {
    if (extra.length > 0) throw new UsageError(`unexpected argument '${extra[0]}'`);
    const out = readPath(values, "out");
    const scan = readScan(values);
    const calls = readInteger(values, "calls", { min: 100, max: 1e7, fallback: 10_000 });
    const counted = readInteger(values, "iterations", { min: 2, max: 100, fallback: 7 });
    const bins = readInteger(values, "bins", { min: 2, max: 1000, fallback: 64 });
    const seed = readInteger(values, "seed", { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 1 });

    const names = coordinates(scan);
    const f = integrand(scan);
    const random = makeRandom("integrate", seed);
    const iterations = [];
    let grid = uniformGrid(names.length, bins);
    for (let count = 0; count < WARM_UP + counted; count++) {
      const { refined, maxWeight: _, ...iteration } = iterate(f, grid, { calls, random });
      iterations.push(iteration);
      grid = refined;
    }
    const result = combine(iterations.slice(WARM_UP));
    // The grid has moved since the last iteration, and its maximum with it: look for it anew.
    const maxWeight = MAXIMUM_MARGIN * iterate(f, grid, { calls: 2 * calls, random }).maxWeight;
    const axes = names.map((name, axis) => ({ name, edges: [...(grid[axis] ?? [])] }));
    writeGrid(out, {
      format: "integration-grid",
      version: 1,
      process: PROCESS,
      scan,
      seed,
      axes,
      iterations,
      result,
      maxWeight,
    });
    process.stdout.write(describe({ scan, iterations, result, maxWeight, out }));
  },
});

/** @param {import("../program/command-line.mjs").Values} values */
function readScan(values) {
  const limits = { min: 1, max: 1000 };
  if (values["sqrt-s"] !== undefined) {
    if (values["min-energy"] ?? values["max-energy"]) {
      throw new UsageError("give either --sqrt-s or --min-energy and --max-energy");
    }
    const energy = readNumber(values, "sqrt-s", limits);
    return { minEnergy: energy, maxEnergy: energy };
  }
  const minEnergy = readNumber(values, "min-energy", { ...limits, fallback: 70 });
  const maxEnergy = readNumber(values, "max-energy", { ...limits, fallback: 110 });
  if (minEnergy >= maxEnergy) {
    throw new UsageError(`the scan must rise: --min-energy is ${minEnergy}, --max-energy is ${maxEnergy}`);
  }
  return { minEnergy, maxEnergy };
}

/**
 * @param {Pick<import("./files/grid-file.mjs").GridFile, "scan" | "iterations" | "result" | "maxWeight"> & { out: string }} grid
 */
function describe({ scan, iterations, result, maxWeight, out }) {
  const exact = exactCrossSection(scan);
  const rows = iterations.map(({ estimate, error }, index) => {
    const note = index < WARM_UP ? "  adapting" : "";
    return `${String(index + 1).padStart(9)}  ${estimate.toFixed(6)}  ${error.toFixed(6)}${note}`;
  });
  const pull = (result.estimate - exact) / result.error;
  return `${PROCESS}, ${scan.minEnergy === scan.maxEnergy ? `${scan.minEnergy}` : `${scan.minEnergy} to ${scan.maxEnergy}`} GeV

iteration  estimate  error (nb)
${rows.join("\n")}

cross section  ${result.estimate.toFixed(6)} +- ${result.error.toFixed(6)} nb, chi2/dof ${(result.chi2 / result.dof).toFixed(2)}
exact          ${exact.toFixed(6)} nb, pull ${pull.toFixed(2)}
grid           ${out}, unweighting efficiency about ${((100 * exact) / maxWeight).toFixed(0)} %
`;
}
