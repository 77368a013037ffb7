// Plays qsub, qstat, qselect, qdel and pbsnodes of OpenPBS: same options, words and exit codes.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { allWords, beSteered, fail, openCluster } from "./cluster.mjs";

const [program, ...words] = process.argv.slice(2);
const directory = process.env.PLAYED_CLUSTER ?? "";
const EXIT_WHEN_DOWN = { qsub: 162, qstat: 255, qselect: 255, qdel: 162, pbsnodes: 1 };
beSteered(directory, () =>
  fail(EXIT_WHEN_DOWN[program], "Connection refused", `${program}: cannot connect to server pbs1 (errno=15010)`),
);

const QUEUES = {
  workq: { queue_type: "Execution", enabled: "True", started: "True" },
  debug: {
    queue_type: "Execution",
    resources_max: { nodect: 2, walltime: "01:00:00" },
    enabled: "True",
    started: "True",
    max_queued: "[u:PBS_GENERIC=3]",
  },
  disabled: { queue_type: "Execution", enabled: "False", started: "True" },
};
const RESOURCES = new Set(["ncpus", "ngpus", "mem", "mpiprocs", "ompthreads", "host"]);
const head = () => ({ timestamp: Math.floor(Date.now() / 1000), pbs_version: "23.06.06", pbs_server: "pbs1" });
const print = (value) => process.stdout.write(`${JSON.stringify(value, null, "\t").replaceAll('": ', '":\t')}\n`);
const cluster = openCluster(directory);
const idOf = (job) => `${job.number}.pbs1`;
const jobOf = (id) => cluster.jobs.find((job) => idOf(job) === id || String(job.number) === id);
const PLAYS = { qsub, qstat, qselect, qdel, pbsnodes };
PLAYS[program]();

function qsub() {
  const script = words.at(-1) ?? "";
  const job = {
    name: "",
    nodes: 1,
    wallTimeMin: 60,
    queue: "workq",
    project: "",
    output: "/dev/null",
    directory: process.env.HOME ?? "/",
  };
  const given = allWords("#PBS", words.slice(0, -1), script);
  for (let at = 0; at < given.length; at += 2) {
    const [option, value = ""] = [given[at], given[at + 1]];
    if (option === "-N") job.name = value;
    else if (option === "-o") job.output = value;
    else if (option === "-q") job.queue = value;
    else if (option === "-A") job.project = value;
    else if (option === "-l") readResource(job, value);
    else if (option === "-W") readAttribute(job, value);
    else if (option !== "-j" && option !== "-r")
      fail(2, `qsub: invalid option -- '${option.slice(1)}'`, "usage: qsub [-a date_time] [-A account_string]");
  }
  const queue = QUEUES[job.queue];
  if (queue === undefined) fail(170, "qsub: Unknown queue");
  if (queue.enabled !== "True") fail(173, "qsub: Queue is not enabled");
  const most = queue.resources_max;
  if (most !== undefined && (job.nodes > most.nodect || job.wallTimeMin > 60))
    fail(188, "qsub: Job violates queue and/or server resource limits");
  const active = cluster.waitingOrRunning().filter((other) => other.queue === job.queue);
  if (queue.max_queued !== undefined && active.length >= 3)
    fail(38, `qsub: would exceed queue generic's per-user limit`);
  const fresh = cluster.submit(job);
  copyFileSync(script, join(directory, "jobs", `${fresh.number}.sh`));
  // Lost after it was taken: the server has it, the answer never came.
  if (cluster.has("lose-answer")) fail(162, "qsub: End of File", "qsub: cannot connect to server pbs1 (errno=15031)");
  process.stdout.write(`${idOf(fresh)}\n`);
}

function readResource(job, value) {
  for (const part of value.split(",")) {
    const [name = "", ...rest] = part.split("=");
    const text = rest.join("=");
    if (name === "select") {
      const chunks = text.split("+").map((chunk) => chunk.split(":"));
      job.nodes = chunks.reduce((sum, [count = "1"]) => sum + Number(count), 0);
      job.select = text;
      for (const resource of chunks.flatMap((chunk) => chunk.slice(1)))
        if (!RESOURCES.has(resource.split("=")[0])) fail(187, `qsub: Unknown resource: ${resource.split("=")[0]}`);
    } else if (name === "walltime") {
      const match = /^(\d+):(\d\d):(\d\d)$/.exec(text);
      if (match === null) fail(166, "qsub: Illegal attribute or resource value Resource_List.walltime");
      job.wallTimeMin = Number(match[1]) * 60 + Number(match[2]) + Number(match[3]) / 60;
      job.wallTime = text;
    } else if (name === "place") {
      if (!/^(free|pack|scatter|vscatter)(:(excl|exclhost|shared))?$/.test(text))
        fail(166, "qsub: Illegal attribute or resource value Resource_List.place");
    } else if (name !== "filesystems") fail(187, `qsub: Unknown resource Resource_List.${name}`);
  }
}

function readAttribute(job, value) {
  const match = /^depend=after(any|ok|notok)?:(.+)$/.exec(value);
  if (match === null) fail(2, "qsub: illegal -W value", "usage: qsub [-a date_time]");
  job.dependsOn = match[2].split(":").map((id) => Number.parseInt(id, 10));
}

function qstat() {
  const ids = words.filter((word) => !word.startsWith("-") && word !== "json");
  if (words.includes("-Q")) return print({ ...head(), Queue: QUEUES });
  if (words.includes("-B"))
    return print({ ...head(), Server: { pbs1: { server_state: "Active", default_queue: "workq" } } });
  const known = ids.map((id) => [id, jobOf(id)]);
  const shown = known.filter(([, job]) => job !== undefined && (words.includes("-x") || job.state !== "F"));
  const told = { ...head(), Jobs: Object.fromEntries(shown.map(([, job]) => [idOf(job), attributes(job)])) };
  print(shown.length === 0 ? head() : told);
  const unknown = known.filter(([, job]) => job === undefined);
  if (unknown.length > 0) fail(153, ...unknown.map(([id]) => `qstat: Unknown Job Id ${id}`));
}

function attributes(job) {
  const started = job.startedAt === null ? {} : { stime: ctime(job.startedAt) };
  const exit = { exited: job.exit, deleted: 271, "wall time": -29, "node lost": -20 }[job.how];
  const comment = {
    Q:
      job.nodes > cluster.config.nodes
        ? "Can Never Run: Insufficient amount of resource: ncpus"
        : "Not Running: Insufficient amount of resource: ncpus ",
    R: "Job run at Fri Nov 20 at 16:27 on (pbs1:ncpus=4)",
    F: {
      exited: `Job run at Fri Nov 20 at 16:27 on (pbs1:ncpus=4) and ${job.exit === 0 ? "finished" : "failed"}`,
      deleted: `Job run at Fri Nov 20 at 16:27 on (pbs1:ncpus=4) and terminated by ${cluster.config.user}@pbs1`,
      "wall time": "Job run at Fri Nov 20 at 16:27 on (pbs1:ncpus=4) and exceeded resource walltime",
    }[job.how],
  }[job.state];
  return {
    Job_Name: job.name,
    Job_Owner: `${cluster.config.user}@pbs1`,
    job_state: job.state,
    queue: job.queue,
    server: "pbs1",
    Resource_List: { nodect: job.nodes, select: job.select, walltime: job.wallTime },
    ...started,
    ...(job.endedAt === null ? {} : { obittime: ctime(job.endedAt) }),
    ...(job.requeued && job.state === "Q" ? { Exit_status: -20 } : {}),
    ...(job.state === "F" && exit !== undefined ? { Exit_status: exit } : {}),
    Variable_List: { PBS_O_HOME: "/home/labuser", BS: "a\\\\\\\\b" },
    ...(comment === undefined ? {} : { comment }),
  };
}

function qselect() {
  const name = words.includes("-N") ? words[words.indexOf("-N") + 1] : null;
  const jobs = cluster.jobs.filter(
    (job) => (words.includes("-x") || job.state !== "F") && (name === null || job.name === name),
  );
  process.stdout.write(jobs.map((job) => `${idOf(job)}\n`).join(""));
}

function qdel() {
  const problems = words.flatMap((id) => {
    const job = jobOf(id);
    if (job === undefined) return [[153, `qdel: Unknown Job Id ${id}`]];
    if (job.state === "F") return [[35, `qdel: Job has finished ${id}`]];
    cluster.delete(job);
    return [];
  });
  if (problems.length > 0) fail(problems.at(-1)[0], ...problems.map(([, line]) => line));
}

function pbsnodes() {
  const names = Array.from({ length: cluster.config.nodes }, (_, index) => `pbs${index + 1}`);
  const idle = cluster.free();
  const nodes = names.map((name, index) => [
    name,
    {
      Mom: name,
      state: "free",
      ...(index < idle ? {} : { jobs: ["1.pbs1"] }),
      resources_available: { host: name, ncpus: 8 },
    },
  ]);
  print({ ...head(), nodes: Object.fromEntries(nodes) });
}

/** As the C library writes times, in the zone of whoever asks. */
function ctime(ms) {
  const zone = process.env.TZ === undefined || process.env.TZ === "" ? "America/Chicago" : process.env.TZ;
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    weekday: "short",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    year: "numeric",
    hourCycle: "h23",
  }).formatToParts(ms);
  const part = (type) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("weekday")} ${part("month")} ${part("day").padStart(2)} ${part("hour")}:${part("minute")}:${part("second")} ${part("year")}`;
}
