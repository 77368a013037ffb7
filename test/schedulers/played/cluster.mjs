// A cluster in a directory: jobs that wait, run as processes of this machine, and end. Played schedulers share it and
// differ in what they say. Tests steer it by files beside the jobs: `down`, `hang`, `garbage`, `lost` (ids whose node is
// lost), `requeued` (ids whose node is lost and that wait again), and config.json.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const DEFAULTS = { nodes: 4, secondsPerMinute: 60, firstId: 100, maxQueued: 3, user: process.env.USER ?? "root" };

export function openCluster(directory = process.env.PLAYED_CLUSTER ?? "") {
  mkdirSync(join(directory, "jobs"), { recursive: true });
  lock(directory);
  const config = { ...DEFAULTS, ...readJson(join(directory, "config.json"), {}) };
  const jobs = readdirSync(join(directory, "jobs"))
    .filter((name) => name.endsWith(".json"))
    .map((name) => readJson(join(directory, "jobs", name), null))
    .sort((a, b) => a.number - b.number);
  const cluster = {
    directory,
    config,
    jobs,
    has: (flag) => existsSync(join(directory, flag)),
    free: () => config.nodes - jobs.filter(({ state }) => state === "R").reduce((sum, { nodes }) => sum + nodes, 0),
    waitingOrRunning: () => jobs.filter(({ state }) => state !== "F"),
    submit(job) {
      const number = (jobs.at(-1)?.number ?? config.firstId - 1) + 1;
      const fresh = {
        number,
        state: "Q",
        submittedAt: Date.now(),
        startedAt: null,
        endedAt: null,
        how: null,
        exit: null,
        pid: null,
        dependsOn: [],
        ...job,
      };
      jobs.push(fresh);
      save(directory, fresh);
      return fresh;
    },
    delete(job) {
      if (job.state === "R") kill(job);
      end(job, job.state === "R" ? "deleted" : "deleted before");
      save(directory, job);
    },
    close: () => unlock(directory),
  };
  for (const job of jobs) if (look(job, cluster)) save(directory, job);
  for (const job of jobs) if (mayStart(job, cluster)) start(job, cluster);
  return cluster;
}

/** What a scheduler program does before anything else: hangs, or is not there. */
export function beSteered(directory, whenDown) {
  if (existsSync(join(directory, "hang")))
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  if (existsSync(join(directory, "garbage"))) {
    process.stdout.write("<html><body>502 Bad Gateway</body></html>\n");
    process.exit(0);
  }
  if (existsSync(join(directory, "down"))) whenDown();
}

/** Options of a script's directive lines, then those of the command line. */
export function allWords(prefix, words, script) {
  const directives = readFileSync(script, "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`${prefix} `))
    .flatMap((line) =>
      line
        .slice(prefix.length + 1)
        .trim()
        .split(/\s+/),
    );
  return [...directives, ...words];
}

export function fail(code, ...lines) {
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
  process.exit(code);
}

function mayStart(job, cluster) {
  if (job.state !== "Q" || job.held || job.nodes > cluster.free()) return false;
  return job.dependsOn.every((number) => cluster.jobs.find((other) => other.number === number)?.state === "F");
}

function start(job, { directory }) {
  const files = join(directory, "jobs", String(job.number));
  rmSync(`${files}.exit`, { force: true });
  const out = openSync(job.output, "a");
  const child = spawn(
    "sh",
    ["-c", 'bash "$1"; echo $? > "$2.part"; mv "$2.part" "$2"', "job", `${files}.sh`, `${files}.exit`],
    {
      cwd: job.directory,
      detached: true,
      stdio: ["ignore", out, out],
      env: { ...process.env, PLAYED_JOB: String(job.number) },
    },
  );
  child.unref();
  Object.assign(job, { state: "R", startedAt: Date.now(), pid: child.pid });
  save(directory, job);
}

/** Brings a running job up to date; whether anything changed. */
function look(job, { directory, config }) {
  if (job.state !== "R") return false;
  const files = join(directory, "jobs", String(job.number));
  const listed = (name) =>
    existsSync(join(directory, name)) &&
    readFileSync(join(directory, name), "utf8").split(/\s+/).includes(String(job.number));
  if (listed("requeued") && !job.requeued) {
    kill(job);
    Object.assign(job, { state: "Q", startedAt: null, requeued: true, held: true });
  } else if (listed("lost")) {
    kill(job);
    end(job, "node lost");
  } else if (existsSync(`${files}.exit`)) {
    job.exit = Number(readFileSync(`${files}.exit`, "utf8"));
    end(job, "exited");
  } else if (Date.now() - job.startedAt > job.wallTimeMin * config.secondsPerMinute * 1000) {
    kill(job);
    end(job, "wall time");
  } else return false;
  return true;
}

function end(job, how) {
  Object.assign(job, { state: "F", how, endedAt: Date.now() });
}

function kill({ pid }) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function save(directory, job) {
  const file = join(directory, "jobs", `${job.number}.json`);
  writeFileSync(`${file}.part`, JSON.stringify(job));
  renameSync(`${file}.part`, file);
}

function readJson(file, otherwise) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : otherwise;
}

function lock(directory) {
  for (;;) {
    try {
      mkdirSync(join(directory, "lock"));
      process.on("exit", () => unlock(directory));
      return;
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function unlock(directory) {
  try {
    rmdirSync(join(directory, "lock"));
  } catch {
    // It was given back before.
  }
}
