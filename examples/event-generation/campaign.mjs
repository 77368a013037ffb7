#!/usr/bin/env node
// Creates the event-generation campaign: one grid, N generators, N unweighters, one merge, in a single request.
import { parseArgs } from "node:util";
import { connect } from "conifer";

const { values } = parseArgs({
  options: {
    site: { type: "string" },
    jobs: { type: "string", default: "100" },
    events: { type: "string", default: "2000" },
    workflow: { type: "string", default: "event-generation" },
  },
});
const programs = import.meta.dirname;
const workflow = values.workflow;
const common = { workflow, ...(values.site === undefined ? {} : { site: values.site }) };
const seeds = Array.from({ length: Number(values.jobs) }, (_, index) => index + 1);

const campaign = [
  { ...common, key: "grid", app: "integrate", parameters: { programs } },
  ...seeds.map((seed) => ({
    ...common,
    key: `generate-${seed}`,
    app: "generate",
    parameters: { programs, seed, events: Number(values.events) },
    inputs: [{ from: "grid", files: ["grid.json"] }],
  })),
  ...seeds.map((seed) => ({
    ...common,
    key: `unweight-${seed}`,
    app: "unweight",
    parameters: { programs, seed },
    inputs: [{ from: `generate-${seed}`, files: [`weighted-${seed}.jsonl`] }],
  })),
  {
    ...common,
    key: "merge",
    app: "merge",
    parameters: { programs },
    inputs: seeds.map((seed) => ({ from: `unweight-${seed}`, files: [`events-${seed}.jsonl`] })),
  },
];

const conifer = await connect();
const jobs = await conifer.jobs.create(campaign);
console.log(`created ${jobs.length} jobs of workflow ${workflow}`);
