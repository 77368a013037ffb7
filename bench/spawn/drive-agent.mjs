import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const agentFile = resolve("dist/pilot-node.js");

/** The running task and as many behind it as a hub sends ahead where tasks are short (`pilot/hub/lines.ts`). */
const lineLength = 9;

/**
 * Plays the hub to one node agent: keeps `concurrency` tasks running, each with some behind it that take its place, until
 * `count` have ended, each in a workdir of its own. Returns the seconds from the first start to the last end.
 */
export async function driveAgent({ count, concurrency, root, command }) {
  mkdirSync(root, { recursive: true });
  const agent = spawn(process.execPath, [agentFile, JSON.stringify({ root })], { stdio: ["pipe", "pipe", "ignore"] });
  const exited = new Promise((resolve) => agent.on("exit", resolve));
  let begin = 0;
  let seconds = 0;
  let started = 0;
  let ended = 0;
  let failed = 0;
  /** The last task of each line, and the line of each task: several of one line may end at once. */
  const lastOf = Array.from({ length: concurrency }, () => null);
  const lineOf = new Map();

  const start = (lines) => {
    const tasks = lines.slice(0, count - started).map((line) => {
      const task = makeTask({ number: started++, after: lastOf[line], root, command });
      lastOf[line] = task.task;
      lineOf.set(task.task, line);
      return task;
    });
    if (tasks.length > 0) agent.stdin.write(`${JSON.stringify({ type: "start", tasks })}\n`);
  };
  for await (const text of createInterface({ input: agent.stdout })) {
    const message = JSON.parse(text);
    if (message.type === "hello") {
      begin = performance.now();
      for (let round = 0; round < lineLength; round++) start([...lastOf.keys()]);
    } else if (message.type === "ended") {
      failed += message.tasks.filter((end) => end.exitCode !== 0).length;
      ended += message.tasks.length;
      start(message.tasks.map((end) => lineOf.get(end.task)));
      for (const end of message.tasks) lineOf.delete(end.task);
      if (ended === count) {
        seconds = (performance.now() - begin) / 1000;
        agent.stdin.end();
      }
    }
  }
  await exited;
  if (failed > 0 || ended !== count) throw new Error(`${failed} of ${ended} tasks failed, ${count} were wanted`);
  return seconds;
}

const makeTask = ({ number, after, root, command }) => ({
  task: `${number + 1}.1`,
  after,
  attempt: 1,
  command,
  preamble: null,
  workdir: join(root, `task_${number}`),
  stdout: "job.out",
  stderr: "job.err",
  environment: {},
  cores: null,
  gpus: [],
  threadsPerRank: 1,
  limitSec: null,
  graceSec: 5,
  inputs: [],
  outputs: [],
  steering: null,
  jobFile: null,
});
