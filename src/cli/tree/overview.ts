import type { Command } from "commander";
import { asking, selecting } from "./job.ts";
import { groupOf, repeated, type Start } from "./leaf.ts";

/** Commands that stand alone. */
export function declareOverview(program: Command, start: Start): void {
  const { add } = groupOf(program, start);
  asking(
    add({
      usage: "run <command...>",
      summary: "one line becomes a job",
      description: `What follows the first word, or --, belongs to it. Several words are quoted as they are; one word is shell text.
With --wait its output is shown and its exit code is the command's.`,
      examples: [
        "conifer run -- hostname",
        "conifer run --wait -- 'sleep 1; echo done'",
        "conifer run --ranks-per-node 4 -- ./sim in.txt",
      ],
      load: async () => (await import("../run/run.ts")).runCommand,
    }),
  )
    .option("--name <name>", "the job's name")
    .option("--workflow <name>", "the workflow it belongs to")
    .option("-t, --tag <key=value>", "a tag (repeat)", repeated)
    .option("-w, --workdir <path>", "relative to the site's data/")
    .option("--site <name>", "the site (default: the one of the current directory, or the only one)")
    .option("--wait", "show its output and end with its exit code")
    .passThroughOptions();
  add({
    usage: "status",
    summary: "what runs, what waits and why",
    examples: ["conifer status"],
    load: async () => (await import("../overview/status.ts")).showStatus,
  }).option("--site <name>", "of this site, or all (default: the site of the current directory)");
  add({
    usage: "events",
    summary: "what happens to jobs",
    examples: ["conifer events -f", "conifer events -f --json | jq .path"],
    load: async () => (await import("../overview/events.ts")).showEvents,
  })
    .option("-f, --follow", "go on with what happens from now")
    .option("--site <name>", "of this site, or all (default: the site of the current directory)")
    .option("-n, --lines <n>", "so many of the latest first (default: 20; with -f: 0)", Number);
  selecting(
    add({
      usage: "report [jobs...]",
      summary: "write a report of jobs with a utilisation picture",
      examples: ["conifer report workflow=scan --out scan-report"],
      load: async () => (await import("../overview/write-report.ts")).writeReport,
    }),
  )
    .option("--out <folder>", "where to (default: conifer-report)")
    .option("--title <text>", "its title")
    .option("--figure <file>", "an SVG picture to put in (repeat)", repeated)
    .option("--log <file>", "a text file to put in (repeat)", repeated);
  add({
    usage: "pilot",
    summary: "run a pilot (batch scripts call this)",
    examples: ["conifer pilot --config run/pilots/3/pilot.json"],
    load: async () => (await import("../run/pilot.ts")).runPilot,
  }).requiredOption("--config <file>", "the pilot's configuration");
  add({
    usage: "completion <shell>",
    summary: "print completion for bash, zsh or fish",
    examples: [
      "conifer completion bash > ~/.local/share/bash-completion/completions/conifer",
      "conifer completion fish > ~/.config/fish/completions/conifer.fish",
    ],
    load: async () => (await import("../completion/completion.ts")).printCompletion,
  });
}
