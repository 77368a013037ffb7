/**
 * `npm run bench`: measures what the README claims, each figure beside the limit measured in the same run, prints a table and
 * writes bench/results/latest.json. It judges ratios, never absolute times.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { measureCommandLine } from "./command-line.ts";
import { measureCreate } from "./create.ts";
import { measureIdle } from "./idle.ts";
import { measureLatency } from "./latency.ts";
import { measureLife } from "./life.ts";
import { measurePlacement } from "./placement.ts";
import { formatRows, type Row } from "./rows.ts";
import { measureSimulatedPilot } from "./simulated-pilot.ts";
import { measureSlurm } from "./slurm.ts";
import { measureSpawn } from "./spawn.ts";

const parts = {
  create: measureCreate,
  life: measureLife,
  spawn: measureSpawn,
  latency: measureLatency,
  idle: measureIdle,
  "command-line": measureCommandLine,
  placement: measurePlacement,
  "simulated-pilot": measureSimulatedPilot,
  slurm: measureSlurm,
};
type Part = keyof typeof parts;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { million: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`bench: there is no part ${unknown.join(", ")}; the parts are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
/** What needs root and a cluster. */
const onlyNamed: readonly string[] = ["slurm"];
const usual = Object.keys(parts).filter((name) => !onlyNamed.includes(name));
const chosen = (positionals.length > 0 ? positionals : usual) as Part[];

const rows: Row[] = [];
for (const name of chosen) {
  console.error(`bench: ${name} …`);
  rows.push(...(await parts[name]({ million: values.million })));
}
mkdirSync("bench/results", { recursive: true });
const result = {
  at: new Date().toISOString(),
  node: process.version,
  cpu: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}`,
  rows,
};
writeFileSync("bench/results/latest.json", `${JSON.stringify(result, null, 2)}\n`);
console.log(values.json ? JSON.stringify(result) : formatRows(rows));
process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
