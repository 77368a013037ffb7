import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const agentFile = join(import.meta.dirname, "..", "..", "dist", "pilot-node.js");

/**
 * Plays the hub to one node agent: keeps `concurrency` tasks going until `count` have ended, each in a workdir of its own.
 * Returns the seconds from the first start to the last end. `environment` and `cores` are as in a TaskSpec.
 */
export async function driveAgent({ count, concurrency, root, command, environment = {}, coresOf = () => null }) {
  mkdirSync(root, { recursive: true });
  const agent = spawn(process.execPath, [agentFile, JSON.stringify({ root })], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise((resolve) => agent.on("exit", resolve));
  const lines = createInterface({ input: agent.stdout });
  let begin = 0;
  let started = 0;
  let ended = 0;
  let failed = 0;
  const next = (number) => {
    const tasks = [];
    for (let i = 0; i < number && started < count; i++) {
      const task = `${started + 1}.1`;
      tasks.push({
        task,
        attempt: 1,
        command,
        preamble: null,
        workdir: join(root, `task_${started}`),
        stdout: "job.out",
        stderr: "job.err",
        environment,
        cores: coresOf(started),
        gpus: [],
        threadsPerRank: 1,
        limitSec: null,
        graceSec: 5,
        inputs: [],
        outputs: [],
        steering: null,
        jobFile: null,
      });
      started++;
    }
    if (tasks.length > 0) agent.stdin.write(`${JSON.stringify({ type: "start", tasks })}\n`);
  };
  let seconds = 0;
  for await (const line of lines) {
    const message = JSON.parse(line);
    if (message.type === "hello") {
      begin = performance.now();
      next(concurrency);
    } else if (message.type === "ended") {
      failed += message.tasks.filter((end) => end.exitCode !== 0).length;
      ended += message.tasks.length;
      next(message.tasks.length);
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
