import { Command } from "commander";
import { declareJobs } from "./job.ts";
import type { Start } from "./leaf.ts";
import { declareOverview } from "./overview.ts";
import { declareServer } from "./server.ts";
import { declareApps, declareBatchJobs, declareSites } from "./site.ts";

/** All commands, declared; what they do is loaded when one is called. */
export function makeProgram(version: string, start: Start): Command {
  const program = new Command("conifer")
    .description("Campaigns of many jobs on laptops, clusters and supercomputers")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()
    .addHelpText("after", FIRST_STEPS);
  program.commandsGroup("Work:");
  declareJobs(program, start);
  declareOverview(program, start);
  program.commandsGroup("Where it runs:");
  declareSites(program, start);
  declareApps(program, start);
  declareBatchJobs(program, start);
  program.commandsGroup("The server:");
  declareServer(program, start);
  return program;
}

const FIRST_STEPS = `
First steps:
  $ conifer server start                    a server of your own
  $ conifer site init demo && cd demo       a site on this machine
  $ conifer site start                      its agent
  $ conifer batch submit --wall-time 10m    an allocation with a pilot
  $ conifer run --wait -- hostname          a first job

Every command takes --json and --help. Exit codes: 0 well, 1 failed, 2 bad input, 3 not found, 4 not allowed,
5 conflict, 6 cannot be reached, 7 out of room, 8 jobs ended badly.
`;
