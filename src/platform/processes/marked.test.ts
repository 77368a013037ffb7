import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { endMarked, findMarked } from "./marked.ts";

const marks: string[] = [];
afterEach(async () => {
  for (const mark of marks.splice(0)) await endMarked(`CONIFER_MARK=${mark}`, 0);
});

async function start(script: string, mark: string): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", script], {
    env: { ...process.env, CONIFER_MARK: mark },
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  marks.push(mark);
  await once(child.stdout, "data");
  return child;
}

describe("processes with a marker in their environment", () => {
  it("are found with their detached children, and only those", async () => {
    const mark = randomUUID();
    await start("setsid sleep 60 & echo ready; wait", mark);
    await start("echo ready; sleep 60", `${mark}-other`);
    await expect.poll(async () => (await findMarked(`CONIFER_MARK=${mark}`)).length, { timeout: 20_000 }).toBe(2);
  });

  it("are ended, also where they ignore SIGTERM", async () => {
    const mark = randomUUID();
    const child = await start("trap '' TERM; echo ready; while :; do sleep 1; done", mark);
    const ended = once(child, "exit");
    const { found, left } = await endMarked(`CONIFER_MARK=${mark}`, 0.1);
    expect(found).toBeGreaterThanOrEqual(1);
    expect(left).toBe(0);
    expect((await ended)[1]).toBe("SIGKILL");
  });
});
