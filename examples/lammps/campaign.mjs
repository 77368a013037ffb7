#!/usr/bin/env node
// Creates the melting campaign: one two-rank LAMMPS job for each temperature, one job that draws the melting curve.
import { parseArgs } from "node:util";
import { connect } from "conifer";

const { values } = parseArgs({
  options: {
    site: { type: "string" },
    temperatures: { type: "string", default: "0.70,0.76,0.80,0.82,0.84,0.86,0.88,0.90,0.94,1.00" },
    steps: { type: "string", default: "5000" },
    cells: { type: "string", default: "5" },
    workflow: { type: "string", default: "melting" },
  },
});
const programs = import.meta.dirname;
const common = { workflow: values.workflow, ...(values.site === undefined ? {} : { site: values.site }) };
const temperatures = values.temperatures.split(",").map(Number);

const runs = temperatures.map((temperature) => ({
  ...common,
  key: `melt-${temperature}`,
  app: "melt",
  tags: { temperature: String(temperature) },
  parameters: { programs, temperature, steps: Number(values.steps), cells: Number(values.cells) },
}));
const curve = {
  ...common,
  key: "curve",
  app: "melting-curve",
  parameters: { programs },
  inputs: runs.map(({ key, parameters }) => ({ from: key, files: [`result-${parameters.temperature}-1.json`] })),
};

const conifer = await connect();
const jobs = await conifer.jobs.create([...runs, curve]);
console.log(`created ${jobs.length} jobs of workflow ${values.workflow}`);
