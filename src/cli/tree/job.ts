import type { Command } from "commander";
import { branch, groupOf, repeated, type Start } from "./leaf.ts";
import { amount, bytes, minutes, oneOf, seconds, whole } from "./values.ts";

const SELECTORS = `Jobs are named by ids (12, 5-9, 1,3,5-8, last), by filters (state=FAILED, tags.case=x, priority>=5;
see docs/filters.md), by options, or by all; filters and options must hold together.`;

/** Commands on jobs. */
export function declareJobs(program: Command, start: Start): void {
  const job = branch(program, "job", "create, follow and change jobs");
  const { add } = groupOf(job, start);

  declareCreate(add);
  selecting(
    add({
      usage: "ls [jobs...]",
      summary: "list jobs, the latest last",
      description: SELECTORS,
      examples: [
        "conifer job ls",
        "conifer job ls state=FAILED tags.case=x",
        "conifer job ls --by-state --workflow scan",
      ],
      load: async () => (await import("../jobs/list.ts")).listJobs,
    }),
  )
    .option("-n, --limit <n>", "at most so many; 0 = all (default: 50)", whole("--limit", 0))
    .option("-o, --order <fields>", "order by fields, - for descending: -priority,id")
    .option("--by-state", "count by state instead")
    .option(
      "--by <field>",
      "count by state, app, site or workflow",
      oneOf("--by", ["state", "app", "site", "workflow"]),
    )
    .option("--ids", "only ids, one a line");
  add({
    usage: "show <jobs...>",
    summary: "everything about jobs",
    examples: ["conifer job show 12", "conifer job show last --json"],
    load: async () => (await import("../jobs/show.ts")).showJobs,
  });
  add({
    usage: "history <jobs...>",
    summary: "every step of a job's life",
    examples: ["conifer job history last"],
    load: async () => (await import("../jobs/history.ts")).showHistory,
  });
  add({
    usage: "explain <jobs...>",
    summary: "why a job is where it is, and what it waits for",
    examples: ["conifer job explain 12", "conifer job explain state=PREPROCESSED"],
    load: async () => (await import("../jobs/explain.ts")).explainJobs,
  });
  add({
    usage: "logs <job>",
    summary: "the output of a job",
    description: "Reads the files in the job's workdir, so it works where the site's directory can be seen.",
    examples: ["conifer job logs last -f", "conifer job logs 12 --stderr --attempt 1"],
    load: async () => (await import("../jobs/logs.ts")).showLogs,
  })
    .option("-f, --follow", "go on until the job has ended")
    .option("--stderr", "standard error instead of standard output")
    .option("--attempt <n>", "of an earlier attempt (default: the last)", whole("--attempt", 1))
    .option("-n, --lines <n>", "only the last lines", whole("--lines", 0));
  declareModify(add);
  acting(
    add({
      usage: "kill [jobs...]",
      summary: "end jobs; a running process is really ended",
      description: SELECTORS,
      examples: ["conifer job kill 12", "conifer job kill workflow=scan --recursive", "conifer job kill all --yes"],
      load: async () => (await import("../jobs/act.ts")).killJobs,
    }),
  )
    .option("-r, --recursive", "their descendants too")
    .option("--reason <text>", "kept with each job");
  acting(
    add({
      usage: "retry [jobs...]",
      summary: "run ended jobs again",
      description: SELECTORS,
      examples: ["conifer job retry state=FAILED", "conifer job retry 5-9"],
      load: async () => (await import("../jobs/act.ts")).retryJobs,
    }),
  );
  acting(
    add({
      usage: "rm [jobs...]",
      summary: "delete jobs; a running one must be killed first",
      description: SELECTORS,
      examples: ["conifer job rm 12", "conifer job rm state=JOB_FINISHED workflow=test"],
      load: async () => (await import("../jobs/act.ts")).removeJobs,
    }),
  );
  add({
    usage: "dep <job> <parents...>",
    summary: "make a waiting job depend on others",
    description: "A parent is ID, or ID:any (however it ends) or ID:failed.",
    examples: ["conifer job dep 12 10 11", "conifer job dep 12 10:failed"],
    load: async () => (await import("../jobs/depend.ts")).addDependencies,
  });
  selecting(
    add({
      usage: "wait [jobs...]",
      summary: "wait until jobs have ended",
      description: `${SELECTORS}\nEnds with code 8 where not all finished well.`,
      examples: ["conifer job wait last", "conifer job wait workflow=scan --progress --timeout 2h"],
      load: async () => (await import("../jobs/wait.ts")).waitForJobs,
    }),
  )
    .option("--progress", "show how far they are")
    .option("--timeout <duration>", "give up after this", seconds);
  add({
    usage: "tree <job>",
    summary: "ancestors and descendants of a job",
    examples: ["conifer job tree last"],
    load: async () => (await import("../jobs/tree.ts")).showTree,
  });
}

/** The options that say which jobs; the same for every command that takes several. */
export function selecting(command: Command): Command {
  return command
    .option("-s, --state <states>", "in one of these states; !STATES for none of them")
    .option("-t, --tag <key=value>", "with this tag (repeat for more)", repeated)
    .option("-a, --app <names>", "of these apps")
    .option("--name <text>", "whose name contains this")
    .option("--workflow <name>", "of this workflow")
    .option("-w, --workdir <text>", "whose workdir contains this")
    .option("--site <names>", "at these sites, or all (default: the site of the current directory)");
}

function acting(command: Command): Command {
  return selecting(command).option("-y, --yes", "do not ask");
}

type Add = ReturnType<typeof groupOf>["add"];

/** What jobs ask for; the same for create, modify and run. */
export function asking(command: Command): Command {
  return command
    .option("-e, --env <name=value>", "an environment variable (repeat)", repeated)
    .option("--priority <n>", "higher runs first", whole("--priority", -1_000_000, 1_000_000))
    .option("-n, --nodes <n>", "nodes", whole("--nodes", 1))
    .option("--ranks-per-node <n>", "MPI ranks on each node", whole("--ranks-per-node", 1))
    .option("--threads-per-rank <n>", "threads of each rank", whole("--threads-per-rank", 1))
    .option("--threads-per-core <n>", "hardware threads used of each core", whole("--threads-per-core", 1))
    .option("--gpus-per-rank <x>", "GPUs of each rank; 0.5 shares one", amount("--gpus-per-rank"))
    .option("--memory-per-node <size>", "memory on each node: 1.5GiB", bytes)
    .option(
      "--node-packing-count <n>",
      "how many may share a node; 0 = as many as fit",
      whole("--node-packing-count", 0),
    )
    .option("--wall-time <duration>", "how long it will take, a hint: 10m, 2h (a number: minutes)", minutes)
    .option("--time-limit <duration>", "end it after this: 90s, 2h (a number: seconds)", seconds)
    .option("--max-attempts <n>", "attempts in all", whole("--max-attempts", 1))
    .option("--max-losses <n>", "pilots or nodes that may die under it", whole("--max-losses", 0))
    .option("--retry-on <failures>", "which failures are tried again: error,limit,output,timeout")
    .option("--launch-option <text>", "an extra argument of the MPI launcher (repeat)", repeated);
}

function declareCreate(add: Add): void {
  asking(
    add({
      usage: "create [app] [parameters...]",
      summary: "create one job or many",
      description: `Parameters are NAME=VALUE; NAME:=JSON for a list or null.
--count, --sweep, --each-line and --from-json make many; together they make every combination.`,
      examples: [
        "conifer job create melt temperature=1.5 --name hot --tag case=a",
        "conifer job create melt --sweep temperature=0.5:2:0.1,seed=1:4",
        "conifer job create analyse --each-line files.txt --parent 12",
        "conifer job create --from-json jobs.json",
      ],
      load: async () => (await import("../jobs/create.ts")).createJobs,
    }),
  )
    .option("-a, --app <name>", "the app, where it does not come first")
    .option("-p, --param <name=value>", "a parameter, as after the app (repeat)", repeated)
    .option("--name <name>", "the job's name")
    .option("--workflow <name>", "the workflow it belongs to")
    .option("-t, --tag <key=value>", "a tag (repeat)", repeated)
    .option("--data <json>", "its data, a JSON object")
    .option("-w, --workdir <path>", "relative to the site's data/ (default: <workflow or app>/<name>_<id>)")
    .option("--parent <ids>", "jobs it waits for: 12, 5-9, 12:any, 12:failed (repeat)", repeated)
    .option("--input <id:files>", "files of a parent's workdir: 12:grid.json,out/*.dat (repeat)", repeated)
    .option("--copy-inputs", "copy those files instead of linking them")
    .option("--site <name>", "the site (default: the one of the current directory, or the only one with the app)")
    .option("--count <n>", "so many of each", whole("--count", 1, 10_000_000))
    .option("--sweep <name=values,...>", "every combination: x=1:10,y=a,b or x=0:1:0.1 (repeat)", repeated)
    .option("--each-line <file>", "a job for each line of a file (- = stdin)")
    .option("--line-param <name>", "the parameter that takes the line (default: the only one without a value)")
    .option("--from-json <file>", "jobs as JSON array or one a line, as in POST /jobs (- = stdin)")
    .option("--dry-run", "only say what would be created")
    .option("--wait", "wait until they have ended")
    .option("--progress", "wait, and show how far they are")
    .option("-y, --yes", "do not ask");
}

function declareModify(add: Add): void {
  asking(
    acting(
      add({
        usage: "modify [jobs...]",
        summary: "change fields of jobs",
        description: `${SELECTORS}\nA running job takes the new values at its next attempt.`,
        examples: [
          "conifer job modify 12 --priority 5 --time-limit 2h",
          "conifer job modify workflow=scan --set-tag done=yes",
        ],
        load: async () => (await import("../jobs/modify.ts")).modifyJobs,
      }),
    ),
  )
    .option("-p, --param <name=value>", "a parameter; the others stay (repeat)", repeated)
    .option("--set-name <name>", "a new name")
    .option("--set-workflow <name>", "another workflow")
    .option("--set-tag <key=value>", "a tag; the others stay (repeat)", repeated)
    .option("--set-data <json>", "its data, a JSON object; other entries stay");
}
