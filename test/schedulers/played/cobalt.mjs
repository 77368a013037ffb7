// Plays qsub, qstat, qdel and nodelist of Cobalt: same options, tables, words and exit codes. A job that has ended is
// gone from qstat; its log tells how it ended.
import { appendFileSync, copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { allWords, beSteered, fail, openCluster } from "./cluster.mjs";

const [program, ...words] = process.argv.slice(2);
const directory = process.env.PLAYED_CLUSTER ?? "";
beSteered(directory, () => fail(2, "Failed to connect to queue manager"));
const QUEUES = ["default", "debug"];
const cluster = openCluster(directory);
for (const job of cluster.jobs) if (job.state === "F") tellEnd(job);
const PLAYS = { qsub, qstat, qdel, nodelist };
PLAYS[program]();

function qsub() {
  const script = words.at(-1) ?? "";
  const job = {
    name: "N/A",
    nodes: 1,
    wallTimeMin: 60,
    queue: "default",
    output: "/dev/null",
    directory: process.cwd(),
    dependsOn: [],
  };
  const given = allWords("#COBALT", words.slice(0, -1), script);
  for (let at = 0; at < given.length; at += 2) {
    const [option, value = ""] = [given[at], given[at + 1]];
    if (option === "--jobname") job.name = value;
    else if (option === "-o") job.output = value;
    else if (option === "--debuglog") job.log = value;
    else if (option === "--cwd") job.directory = value;
    else if (option === "-n") job.nodes = Number(value);
    else if (option === "-t") job.wallTimeMin = Number(value);
    else if (option === "-q") job.queue = value;
    else if (option === "--dependencies") job.dependsOn = value.split(":").map(Number);
    else if (!["-e", "--mode", "-A", "--attrs"].includes(option)) fail(2, `qsub.py: error: no such option: ${option}`);
  }
  if (!QUEUES.includes(job.queue)) fail(1, `Error: Queue '${job.queue}' does not exist`);
  const fresh = cluster.submit(job);
  copyFileSync(script, join(directory, "jobs", `${fresh.number}.sh`));
  log(fresh, `submitted with cwd set to: ${fresh.directory}`);
  appendFileSync(fresh.log, `jobid ${fresh.number} submitted from terminal None\n`);
  if (cluster.has("lose-answer")) fail(2, "Failed to connect to queue manager");
  process.stdout.write(`\n${fresh.number}\n`);
}

function qstat() {
  if (words.includes("-Q")) {
    table(
      [
        "Name",
        "Users",
        "MinTime",
        "MaxTime",
        "MaxRunning",
        "MaxQueued",
        "MaxUserNodes",
        "MaxNodeHours",
        "TotalNodes",
        "AdminEmail",
        "State",
      ],
      QUEUES.map((name) => [name, "None", "None", "24:00:00", "10", "20", "None", "None", "None", "None", "running"]),
    );
    return;
  }
  const header =
    words
      .find((word) => word.startsWith("--header="))
      ?.slice("--header=".length)
      .split(":") ?? [];
  const clock = (seconds) =>
    [seconds / 3600, (seconds / 60) % 60, seconds % 60]
      .map((part) => String(Math.floor(part)).padStart(2, "0"))
      .join(":");
  const rows = cluster.waitingOrRunning().map((job) => {
    const ran = job.startedAt === null ? null : Math.max(0, (Date.now() - job.startedAt) / 1000);
    const values = {
      JobID: String(job.number),
      JobName: job.name,
      State: job.state === "R" ? "running" : job.dependsOn.length > 0 ? "dep_hold" : "queued",
      RunTime: ran === null ? "N/A" : clock(ran),
      TimeRemaining: ran === null ? "N/A" : clock(Math.max(0, job.wallTimeMin * 60 - ran)),
      Queue: job.queue,
    };
    return header.map((name) => values[name] ?? "N/A");
  });
  if (rows.length > 0) table(header, rows);
}

function table(names, rows) {
  const widths = names.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index].length)));
  const line = (row) => row.map((value, index) => value.padEnd((widths[index] ?? 0) + 2)).join("");
  process.stdout.write(
    `${line(names)}\n${"=".repeat(line(names).length)}\n${rows.map((row) => `${line(row)}\n`).join("")}`,
  );
}

function qdel() {
  const gone = words.filter((id) => {
    const job = cluster.jobs.find(({ number, state }) => String(number) === id && state !== "F");
    if (job === undefined) return true;
    cluster.delete(job);
    tellEnd(job);
    process.stdout.write(`      Deleted Jobs\nJobID  User\n=============\n${id}  root\n`);
    return false;
  });
  if (gone.length > 0) fail(1, ...gone.map((id) => `jobid ${id} not found`));
}

function nodelist() {
  const free = cluster.free();
  table(
    ["Node_id", "Name", "Queues", "Status", "MCDRAM", "NUMA", "Backfill"],
    Array.from({ length: cluster.config.nodes }, (_, index) => [
      String(index),
      `nid${index}`,
      "default:debug",
      index < free ? "idle" : "busy",
      "cache",
      "quad",
      "4:00:00",
    ]),
  );
}

function log(job, text, at = Date.now()) {
  const [weekday, day, month, year, clock] = new Date(at).toUTCString().replace(",", "").split(" ");
  appendFileSync(job.log, `${weekday} ${month} ${day} ${clock} ${year} +0000 (UTC) ${text}\n`);
}

function tellEnd(job) {
  if (existsSync(`${job.log}.told`)) return;
  appendFileSync(`${job.log}.told`, "");
  if (job.startedAt !== null) log(job, `Info: COBALT_STARTTIME=${Math.floor(job.startedAt / 1000)}`, job.startedAt);
  if (job.how === "exited")
    log(
      job,
      `Info: task completed normally with an exit code of ${job.exit}; initiating job cleanup and removal`,
      job.endedAt,
    );
  else if (job.how === "wall time")
    log(job, "Info: maximum execution time exceeded; initiating job terminiation", job.endedAt);
  else
    log(
      job,
      "Info: user delete with signal SIGTERM requested by user root; initiating job cleanup and removal",
      job.endedAt,
    );
}
