import type { Command } from "commander";
import { branch, groupOf, repeated, type Start } from "./leaf.ts";
import { minutes, oneOf, seconds, whole } from "./values.ts";

const WHERE = "A site is named by its directory or its name; default is the site of the current directory.";

/** Commands on sites, apps and batch jobs. */
export function declareSites(program: Command, start: Start): void {
  const { add } = groupOf(branch(program, "site", "make and serve sites"), start);
  add({
    usage: "init <directory>",
    summary: "make a site in a directory and register it",
    description:
      "Its settings begin with what is known of the machine: the one named, that of CONIFER_MACHINE, or the one that this is taken for.",
    examples: ["conifer site init ~/melt", "conifer site init . --name melt --machine polaris"],
    load: async () => (await import("../sites/make.ts")).makeSite,
  })
    .option("--name <name>", "its name (default: the directory's)")
    .option("--machine <name>", "which machine this is (conifer site machines)");
  add({
    usage: "machines",
    summary: "list the machines whose settings are known",
    examples: ["conifer site machines"],
    load: async () => (await import("../sites/machines.ts")).listMachines,
  });
  add({
    usage: "start [site]",
    summary: "start a site's agent in the background",
    description: WHERE,
    examples: ["conifer site start", "conifer site start ~/melt"],
    load: async () => (await import("../sites/serve.ts")).startAgent,
  });
  add({
    usage: "stop [site]",
    summary: "stop a site's agent; its allocations go on",
    description: WHERE,
    examples: ["conifer site stop", "conifer site stop ~/melt --pilots"],
    load: async () => (await import("../sites/serve.ts")).stopAgent,
  }).option("--pilots", "end its allocations too (those of the local scheduler)");
  add({
    usage: "restart [site]",
    summary: "stop and start a site's agent; what runs goes on",
    description: WHERE,
    examples: ["conifer site restart"],
    load: async () => (await import("../sites/serve.ts")).restartAgent,
  });
  add({
    usage: "status [site]",
    summary: "what a site's agent does",
    description: WHERE,
    examples: ["conifer site status"],
    load: async () => (await import("../sites/status.ts")).showSite,
  });
  add({
    usage: "ls",
    summary: "list sites",
    examples: ["conifer site ls"],
    load: async () => (await import("../sites/list.ts")).listSites,
  });
  add({
    usage: "mv <site> [directory]",
    summary: "move or rename a stopped site",
    examples: ["conifer site mv ~/melt /scratch/melt", "conifer site mv . --name quench"],
    load: async () => (await import("../sites/change.ts")).moveOrRename,
  }).option("--name <name>", "a new name");
  add({
    usage: "rm <site>",
    summary: "remove a stopped site with its apps, jobs and batch jobs",
    examples: ["conifer site rm ~/melt", "conifer site rm melt --files --yes"],
    load: async () => (await import("../sites/change.ts")).dropSite,
  })
    .option("--files", "delete its directory too")
    .option("-y, --yes", "do not ask");
  add({
    usage: "sample-settings",
    summary: "print settings.yml with every setting and its default",
    examples: [
      "conifer site sample-settings > settings.yml",
      "conifer site sample-settings --machine frontier > settings.yml",
    ],
    load: async () => (await import("../sites/make.ts")).printSettings,
  }).option("--machine <name>", "with what is known of this machine filled in");
  add({
    usage: "doctor [site]",
    summary: "check everything a site needs",
    description: `${WHERE} Outside of one, the machine is checked.`,
    examples: ["conifer site doctor", "conifer site doctor --from-node --queue debug"],
    load: async () => (await import("../sites/doctor.ts")).runDoctor,
  })
    .option("--from-node", "look from a compute node too: submits an allocation of one node for a few minutes")
    .option("-q, --queue <queue>", "the queue of that allocation")
    .option("-A, --project <project>", "who pays for it")
    .option("--within <duration>", "give it up after so long (default: 30m; a number: seconds)", seconds);
}

/** Commands on apps. */
export function declareApps(program: Command, start: Start): void {
  const { add } = groupOf(branch(program, "app", "register and show apps"), start);
  add({
    usage: "sync",
    summary: "register the apps of a site's apps/ folder",
    examples: ["conifer app sync", "conifer app sync --site melt --prune"],
    load: async () => (await import("../apps/sync.ts")).syncSite,
  })
    .option("--site <site>", "a site by directory or name (default: the one of the current directory)")
    .option("--prune", "remove apps that have neither file nor jobs");
  add({
    usage: "ls",
    summary: "list apps",
    examples: ["conifer app ls"],
    load: async () => (await import("../apps/list.ts")).listApps,
  }).option("--site <name>", "of this site, or all (default: the site of the current directory)");
  add({
    usage: "show <app>",
    summary: "an app's command, parameters, resources and hooks",
    examples: ["conifer app show melt", "conifer app show melt --json"],
    load: async () => (await import("../apps/show.ts")).showApp,
  }).option("--site <name>", "of this site");
  add({
    usage: "create <name> <command>",
    summary: "register a command as an app, without a file",
    description: "Parameters are written {{name}} in the command.",
    examples: ["conifer app create count 'wc -l {{file}}' --help-of file='the file to count'"],
    load: async () => (await import("../apps/create.ts")).createApp,
  })
    .option("--site <name>", "at this site (default: the one of the current directory)")
    .option("--description <text>", "what it is for")
    .option("--default <name=value>", "a parameter's default (repeat)", repeated)
    .option("--help-of <name=text>", "what a parameter means (repeat)", repeated)
    .option("--output <glob>", "a file that must be there afterwards (repeat)", repeated)
    .option("--ranks-per-node <n>", "MPI ranks on each node", whole("--ranks-per-node", 1));
  add({
    usage: "rm <app>",
    summary: "remove an app with its jobs",
    examples: ["conifer app rm melt"],
    load: async () => (await import("../apps/remove.ts")).removeApp,
  })
    .option("--site <name>", "of this site")
    .option("-y, --yes", "do not ask");
}

/** Commands on batch jobs. */
export function declareBatchJobs(program: Command, start: Start): void {
  const { add } = groupOf(branch(program, "batch", "ask for allocations and follow them"), start);
  add({
    usage: "ls",
    summary: "list batch jobs, the latest last",
    examples: ["conifer batch ls", "conifer batch ls --all"],
    load: async () => (await import("../batch/list.ts")).listBatchJobs,
  })
    .option("--site <name>", "of this site, or all (default: the site of the current directory)")
    .option("-s, --state <states>", "in one of these states")
    .option("--all", "also those that have ended")
    .option("-n, --limit <n>", "at most so many; 0 = all (default: 50)", whole("--limit", 0));
  add({
    usage: "show <id>",
    summary: "everything about a batch job",
    examples: ["conifer batch show 3", "conifer batch show last"],
    load: async () => (await import("../batch/show.ts")).showBatchJob,
  });
  add({
    usage: "submit",
    summary: "ask for an allocation in which a pilot runs jobs",
    examples: [
      "conifer batch submit --nodes 4 --wall-time 2h",
      "conifer batch submit -n 1 -t 30m --queue debug --project abc",
      "conifer batch submit -n 4 -t 2h --after last --after-when ok",
    ],
    load: async () => (await import("../batch/submit.ts")).submitBatchJob,
  })
    .option("--site <name>", "the site (default: the one of the current directory, or the only one)")
    .option("-n, --nodes <n>", "nodes", whole("--nodes", 1))
    .option("-t, --wall-time <duration>", "how long: 2h, 01:30:00 (a number: minutes)", minutes)
    .option("-q, --queue <queue>", "the scheduler's queue")
    .option("-A, --project <project>", "who pays")
    .option("--tag <key=value>", "take only jobs with this tag (repeat)", repeated)
    .option("-x, --option <name=value>", "an option of the site's scheduler (repeat)", repeated)
    .option("--after <ids>", "start after these batch jobs (repeat)", repeated)
    .option(
      "--after-when <how>",
      "once they have ended (default), or are ok, failed, started",
      oneOf("--after-when", ["ended", "ok", "failed", "started"]),
    )
    .option("--wait", "wait until it runs");
  add({
    usage: "rm <ids...>",
    summary: "give allocations up; what runs in them is ended",
    examples: ["conifer batch rm 3", "conifer batch rm all --yes"],
    load: async () => (await import("../batch/remove.ts")).removeBatchJobs,
  })
    .option("--site <name>", "with all: of this site, or all (default: the site of the current directory)")
    .option("-y, --yes", "do not ask");
  add({
    usage: "logs <id>",
    summary: "what a batch job's allocation printed, and the log of its pilot",
    examples: ["conifer batch logs last -f", "conifer batch logs 3 --tail 20"],
    load: async () => (await import("../batch/logs.ts")).showPilotLog,
  })
    .option("-f, --follow", "go on until it has ended")
    .option("-n, --tail <n>", "only the last lines of each", whole("--tail", 0));
}
