// @ts-check
// The grid file: what `integrate` learned, for every `generate` to sample from. One JSON object; energies in GeV, cross
// sections and weights in nb.
import { createHash } from "node:crypto";
import { readText, writeText } from "../../program/text-file.mjs";
import { coordinates } from "../physics/scan.mjs";

/** @typedef {import("../physics/scan.mjs").Scan} Scan */
/** @typedef {import("../sampling/vegas.mjs").Iteration} Iteration */
/** @typedef {import("../sampling/vegas.mjs").Combined} Combined */
/** @typedef {{ name: string, edges: number[] }} Axis */
/** @typedef {{ format: "integration-grid", version: 1, process: string, scan: Scan, seed: number, axes: Axis[],
 *   iterations: Iteration[], result: Combined, maxWeight: number }} GridFile */

export const PROCESS = "e+ e- -> mu+ mu-";

/**
 * Write a grid file whole or not at all.
 * @param {string} path
 * @param {GridFile} grid
 */
export function writeGrid(path, grid) {
  writeText(path, `${JSON.stringify(grid, null, 1)}\n`);
}

/**
 * Read and check a grid file; `id` names its content.
 * @param {string} path
 * @returns {GridFile & { id: string }}
 */
export function readGrid(path) {
  const text = readText(path);
  const grid = parse(path, text);
  const problem = findProblem(grid);
  if (problem) throw new Error(`${path}: not a usable grid file: ${problem}`);
  return { ...grid, id: createHash("sha256").update(text).digest("hex").slice(0, 16) };
}

/**
 * @param {string} path
 * @param {string} text
 * @returns {GridFile}
 */
function parse(path, text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: not a grid file: it is not JSON`, { cause });
  }
}

/** @param {GridFile} grid */
function findProblem(grid) {
  if (grid?.format !== "integration-grid" || grid.version !== 1) return "expected format 'integration-grid', version 1";
  if (!(grid.scan?.minEnergy > 0 && grid.scan.maxEnergy >= grid.scan.minEnergy))
    return "its scan has no valid energies";
  if (!(grid.maxWeight > 0)) return "its maximum weight is not positive";
  const names = coordinates(grid.scan);
  if (!Array.isArray(grid.axes) || grid.axes.map((axis) => axis?.name).join() !== names.join()) {
    return `expected the axes ${names.join(", ")}`;
  }
  const broken = grid.axes.find(({ edges }) => !areEdges(edges));
  return broken && `the edges of axis ${broken.name} do not rise from 0 to 1`;
}

/** @param {unknown} edges */
function areEdges(edges) {
  if (!Array.isArray(edges) || edges.length < 2 || edges[0] !== 0 || edges[edges.length - 1] !== 1) return false;
  return edges.every((edge, index) => typeof edge === "number" && (index === 0 || edge > edges[index - 1]));
}
