// Plays bsub, bjobs, bkill, bqueues, bparams and bhosts of LSF: same options, words and exit codes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allWords, beSteered, fail, openCluster } from "./cluster.mjs";

const [program, ...words] = process.argv.slice(2);
const directory = process.env.PLAYED_CLUSTER ?? "";
beSteered(directory, () => fail(255, "LSF is down. Please wait ..."));
const QUEUES = { batch: 24 * 60, debug: 60 };
const cluster = openCluster(directory);
const PLAYS = { bsub, bjobs, bkill, bqueues, bparams, bhosts };
PLAYS[program]();

function bsub() {
  const text = readFileSync(0, "utf8");
  const script = join(directory, `stdin-${process.pid}`);
  writeFileSync(script, text);
  const job = { name: "", nodes: 1, wallTimeMin: 60, queue: "batch", output: "/dev/null", directory: process.cwd() };
  const given = allWords("#BSUB", words, script);
  for (let at = 0; at < given.length; at += 1) {
    const value = given[at + 1] ?? "";
    switch (given[at]) {
      case "-J":
        job.name = value;
        break;
      case "-o":
        job.output = value;
        break;
      case "-nnodes":
        job.nodes = Number(value);
        break;
      case "-q":
        job.queue = value;
        break;
      case "-W":
        job.wallTimeMin = Number(value.split(":")[0]) * 60 + Number(value.split(":")[1]);
        break;
      case "-w":
        job.dependsOn = [
          ...given
            .slice(at)
            .join(" ")
            .matchAll(/ended\((\d+)\)/g),
        ].map(([, id]) => Number(id));
        at = given.length;
        break;
      default:
        fail(255, `${given[at]}: Illegal option. Job not submitted.`);
    }
    at += 1;
  }
  const most = QUEUES[job.queue];
  if (most === undefined) fail(255, `${job.queue}: No such queue. Job not submitted.`);
  if (job.wallTimeMin > most) fail(255, "RUNLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.");
  const fresh = cluster.submit(job);
  writeFileSync(join(directory, "jobs", `${fresh.number}.sh`), text);
  if (cluster.has("lose-answer")) fail(255, "Failed in LSF library call: communication time out");
  if (process.env.BSUB_QUIET === undefined)
    process.stdout.write(`Job <${fresh.number}> is submitted to queue <${job.queue}>.\n`);
}

function bjobs() {
  const records = cluster.jobs.map((job) => ({
    JOBID: String(job.number),
    STAT:
      job.state === "Q" ? "PEND" : job.state === "R" ? "RUN" : job.how === "exited" && job.exit === 0 ? "DONE" : "EXIT",
    JOB_NAME: job.name,
    EXIT_CODE:
      job.how === "exited" && job.exit !== 0
        ? String(job.exit)
        : job.how === "deleted"
          ? "130"
          : job.how === "wall time"
            ? "140"
            : "",
    EXIT_REASON:
      {
        deleted: "TERM_OWNER: job killed by owner",
        "wall time": "TERM_RUNLIMIT: job killed after reaching LSF run time limit",
      }[job.how] ?? "",
    PEND_REASON:
      job.state !== "Q"
        ? ""
        : job.requeued
          ? "The job was requeued: host lost;"
          : "Job requirements for reserving resource not satisfied;",
    START_TIME: job.startedAt === null ? "" : time(job.startedAt),
    FINISH_TIME:
      job.endedAt !== null
        ? time(job.endedAt)
        : job.startedAt !== null
          ? `${time(job.startedAt + job.wallTimeMin * 60_000)} L`
          : "",
  }));
  process.stdout.write(`${JSON.stringify({ COMMAND: "bjobs", JOBS: records.length, RECORDS: records }, null, 2)}\n`);
}

function time(ms) {
  const [, day, month, year, clock] = new Date(ms).toUTCString().split(" ");
  return process.env.LSB_DISPLAY_YEAR === "Y"
    ? `${month} ${day.replace(/^0/, " ")} ${clock} ${year}`
    : `${month} ${day.replace(/^0/, " ")} ${clock.slice(0, 5)}`;
}

function bkill() {
  let code = 0;
  for (const id of words) {
    const job = cluster.jobs.find(({ number }) => String(number) === id);
    if (job === undefined || job.state === "F") {
      process.stderr.write(
        `Job <${id}>: ${job === undefined ? "No matching job found" : "Job has already finished"}\n`,
      );
      code = 255;
    } else {
      cluster.delete(job);
      process.stdout.write(`Job <${id}> is being terminated\n`);
    }
  }
  process.exit(code);
}

function bqueues() {
  const blocks = Object.entries(QUEUES).map(
    ([name, minutes]) => `QUEUE: ${name}
  -- played

PARAMETERS/STATISTICS
PRIO NICE STATUS          MAX JL/U JL/P JL/H NJOBS  PEND   RUN SSUSP USUSP  RSV PJOBS
 30    0  Open:Active       -    -    -    -     0     0     0     0     0    0     0
Interval for a host to accept two jobs is 0 seconds

MAXIMUM LIMITS:
 RUNLIMIT
 ${minutes}.0 min

SCHEDULING PARAMETERS
           r15s   r1m  r15m   ut      pg    io   ls    it    tmp    swp    mem
 loadSched   -     -     -     -       -     -    -     -     -      -      -

USERS: all
HOSTS:  all
`,
  );
  process.stdout.write(
    `\n${blocks.join("\n-------------------------------------------------------------------------------\n\n")}`,
  );
}

function bparams() {
  process.stdout.write("Default Queues:  batch\nMBD_SLEEP_TIME used for calculations:  10 seconds\n");
}

function bhosts() {
  const lines = Array.from(
    { length: cluster.config.nodes },
    (_, index) => `h${index + 1} ok - 8 ${index < cluster.free() ? 0 : 1} 0 0 0 0`,
  );
  process.stdout.write(`HOST_NAME STATUS JL/U MAX NJOBS RUN SSUSP USUSP RSV\n${lines.join("\n")}\n`);
}
