// Plays `flux batch`, `flux jobs`, `flux cancel` and `flux resource list`: same options, words and exit codes.
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beSteered, fail, openCluster } from "./cluster.mjs";

const [, command, ...words] = process.argv.slice(2);
const directory = process.env.PLAYED_CLUSTER ?? "";
beSteered(directory, () =>
  fail(1, `flux-${command}: ERROR: [Errno 2] Unable to connect to Flux: broker socket /run/flux/local was not found`),
);
const QUEUES = ["batch", "debug"];
const cluster = openCluster(directory);
const PLAYS = { batch, jobs, cancel, resource };
PLAYS[command]();

function batch() {
  const script = words.at(-1) ?? "";
  const directives = readFileSync(script, "utf8")
    .split("\n")
    .flatMap((line) => /^#\s?flux: (.*)$/i.exec(line)?.[1] ?? []);
  const job = {
    name: "",
    nodes: 1,
    wallTimeMin: 60,
    queue: "batch",
    output: "/dev/null",
    directory: process.cwd(),
    dependsOn: [],
  };
  for (const option of [...directives, ...words.slice(0, -1)]) {
    const [name = "", ...rest] = option.split("=");
    const value = rest.join("=");
    if (name === "--job-name") job.name = value;
    else if (name === "--output") job.output = value;
    else if (name === "--cwd") job.directory = value;
    else if (name === "--nodes") job.nodes = Number(value);
    else if (name === "--queue") job.queue = value;
    else if (name === "--time-limit") job.wallTimeMin = Number(value.replace("m", ""));
    else if (name === "--dependency") job.dependsOn.push(Number(value.split(":")[1]));
    else if (name !== "--exclusive" && name !== "--bank")
      fail(2, "usage: flux batch [OPTIONS...] [SCRIPT] ...", `flux-batch: error: unrecognized arguments: ${name}`);
  }
  if (!QUEUES.includes(job.queue)) fail(1, `flux-batch: ERROR: [Errno 22] Invalid queue '${job.queue}' specified`);
  const fresh = cluster.submit(job);
  copyFileSync(script, join(directory, "jobs", `${fresh.number}.sh`));
  if (cluster.has("lose-answer")) fail(1, "flux-batch: ERROR: [Errno 104] Connection reset by peer");
  process.stdout.write(`${process.env.FLUX_F58_FORCE_ASCII === "1" ? "f" : "ƒ"}${f58(fresh.number)}\n`);
}

function f58(number) {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  let text = "";
  for (let left = number; left > 0 || text === ""; left = Math.floor(left / 58)) text = alphabet[left % 58] + text;
  return text;
}

function jobs() {
  const seconds = (ms) => (ms === null ? "" : String(ms / 1000));
  for (const job of cluster.jobs) {
    const status = {
      Q: "SCHED",
      R: "RUN",
      F:
        { exited: job.exit === 0 ? "COMPLETED" : "FAILED", "wall time": "TIMEOUT", "node lost": "FAILED" }[job.how] ??
        "CANCELED",
    }[job.state];
    const code = job.how === "exited" ? String(job.exit) : "";
    const expiration = job.state === "R" ? seconds(job.startedAt + job.wallTimeMin * 60_000) : "";
    const dependency = job.state === "Q" && job.dependsOn.length > 0 ? `after-finish=${job.dependsOn}` : "";
    process.stdout.write(
      `${[job.number, status, code, seconds(job.startedAt), seconds(job.endedAt), expiration, job.how === "wall time" ? "timeout" : "", dependency, "", job.name].join("\t")}\n`,
    );
  }
}

function cancel() {
  const problems = words.flatMap((id) => {
    const job = cluster.jobs.find(({ number }) => String(number) === id);
    if (job === undefined) return [`flux-cancel: ERROR: ${id}: unknown job id`];
    if (job.state === "F") return [`flux-cancel: ERROR: ${id}: job is inactive`];
    cluster.delete(job);
    return [];
  });
  if (problems.length > 0) fail(1, ...problems);
}

function resource() {
  const free = cluster.free();
  process.stdout.write(
    `batch,debug\tfree\t${free}\nbatch,debug\tallocated\t${cluster.config.nodes - free}\n \tdown\t0\n`,
  );
}
